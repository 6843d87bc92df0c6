"""From single readings to a state that one can trust: one hiccup flips nothing."""

from dataclasses import dataclass, field

from superfacility.facility.status import ResourceState


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look at something found."""

    state: ResourceState
    description: str


@dataclass(slots=True)
class Settling:
    """The state goes down after `failures` worse findings in a row, up after `successes` better ones, and each time no
    further than all of them agree.
    """

    settled: Finding
    failures: int
    successes: int
    _row: list[Finding] = field(default_factory=list)

    def add(self, found: Finding) -> bool:
        """Whether the state has changed by it."""
        direction = _compare(found, self.settled)
        if direction == 0:
            self.settled = found
            self._row.clear()
            return False
        if self._row and _compare(self._row[0], self.settled) != direction:
            self._row.clear()
        self._row.append(found)
        if len(self._row) < (self.failures if direction > 0 else self.successes):
            return False
        nearest = min if direction > 0 else max
        self.settled = nearest(reversed(self._row), key=lambda each: each.state.severity)
        self._row.clear()
        return True


def _compare(found: Finding, settled: Finding) -> int:
    """1 for worse, -1 for better."""
    difference = found.state.severity - settled.state.severity
    return (difference > 0) - (difference < 0)
