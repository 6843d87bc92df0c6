"""What each worker of this process has in hand, as the process itself knows it."""

import threading
from collections import Counter
from collections.abc import Iterable


class InHand:
    """The tasks of one worker. They are counted: a number whose transaction was undone may be the next task's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[int] = Counter()

    def take(self, numbers: Iterable[int]) -> None:
        with self._lock:
            self._counts.update(numbers)

    def drop(self, numbers: Iterable[int]) -> None:
        with self._lock:
            self._counts.subtract(number for number in numbers if number in self._counts)
            self._counts = +self._counts

    def numbers(self) -> frozenset[int]:
        with self._lock:
            return frozenset(self._counts)
