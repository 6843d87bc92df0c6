"""Who may listen to which events."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from superfacility.core.clock import Clock
from superfacility.facility.errors import InvalidInput
from superfacility.facility.events import EventFilter, EventKind
from superfacility.facility.people import People, UserName
from superfacility.facility.systems import Facility
from superfacility.oauth.principal import Principal
from superfacility.services.compute.filters import check_job_id
from superfacility.services.compute.visibility import Viewer, Visibility, viewer_of
from superfacility.services.events.feed import Feed
from superfacility.services.places import Places

ME = "me"


@dataclass(frozen=True, slots=True)
class EventWish:
    """What a caller wants to hear of; empty fields do not filter."""

    machine: str | None = None
    job_id: str | None = None
    user: str | None = None
    kinds: Sequence[str] = ()


class EventService:
    """`per_user` and `in_all` bound the streams that are open in one process."""

    def __init__(
        self,
        feed: Feed,
        facility: Facility,
        people: People,
        clock: Clock,
        *,
        visibility: Visibility = Visibility.ALL,
        per_user: int = 100,
        in_all: int = 20_000,
    ) -> None:
        self.feed = feed
        self._facility = facility
        self._people = people
        self._clock = clock
        self._visibility = visibility
        advice = "close one, or listen to more in one"
        self._places = Places("event streams", per_user=per_user, in_all=in_all, advice=advice)

    def filter(self, principal: Principal, wish: EventWish) -> EventFilter:
        """`NotFound` for an unknown machine, `InvalidInput` for what cannot be an id or a kind."""
        kinds = {kind.value: kind for kind in EventKind}
        if unknown := [each for each in wish.kinds if each not in kinds]:
            raise InvalidInput(f"There are no events of kind {unknown[0]!r}; there are: {', '.join(kinds)}.")
        if wish.job_id and not wish.machine:
            raise InvalidInput("Name the machine of the job, too: ids are those of one scheduler.")
        user = principal.user.name if wish.user == ME else wish.user
        return EventFilter(
            kinds=frozenset(kinds[each] for each in wish.kinds),
            system=self._facility.system(wish.machine).name if wish.machine else None,
            subject=check_job_id(wish.job_id) if wish.job_id else None,
            user=UserName(user) if user else None,
        )

    async def viewer(self, principal: Principal) -> Viewer:
        """As in listings of jobs."""
        return await viewer_of(principal, self._visibility, self._people)

    def has_expired(self, principal: Principal) -> bool:
        return principal.expires_at <= self._clock.now()

    def check_room(self, principal: Principal) -> None:
        """`TooMany` where the caller listens to as many streams as they may, `Unavailable` where all together do."""
        self._places.check(principal.user.name)

    def room(self, principal: Principal) -> AbstractContextManager[None]:
        """One stream's place."""
        return self._places.taken(principal.user.name)
