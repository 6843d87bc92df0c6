"""What is shown of a resource: the worst of announced, outages by the clock, and observations that still count."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from superfacility.facility.status import (
    Note,
    Observation,
    Outage,
    OutageStatus,
    Resource,
    ResourceName,
    ResourceState,
)
from superfacility.services.status.view import BoardContents, StatusView, view_of

NOW = datetime(2026, 5, 31, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NAME = ResourceName("perlmutter")
A, D, U, O = ResourceState.ACTIVE, ResourceState.DEGRADED, ResourceState.UNAVAILABLE, ResourceState.OTHER  # noqa: E741
RESOURCE = Resource(NAME, "Perlmutter", "compute", updated_at=NOW - DAY)
OBSERVATION = Observation(NAME, "perlmutter/login", D, "observed", 0.1, NOW, NOW + HOUR, since=NOW - HOUR)


def outage(impact: str = "true", status: OutageStatus = OutageStatus.PLANNED, **changes: object) -> Outage:
    made = Outage(1, NAME, NOW - HOUR, NOW + HOUR, "outage", impact=impact, status=status, updated_at=NOW - DAY)
    return replace(made, **changes)  # type: ignore[arg-type]


def seen(
    resource: Resource = RESOURCE,
    *,
    outages: tuple[Outage, ...] = (),
    observed: tuple[Observation, ...] = (),
    notes: tuple[Note, ...] = (),
    now: datetime = NOW,
) -> StatusView:
    return view_of(BoardContents(1, NOW, (resource,), outages, notes, observed), now)


@pytest.mark.parametrize(
    ("announced", "impact", "observed", "shown"),
    [
        (A, None, None, (A, "announced")),
        (A, None, A, (A, "announced")),
        (A, None, D, (D, "observed")),
        (D, None, D, (D, "announced")),
        (D, None, U, (U, "observed")),
        (U, None, D, (U, "announced")),
        (O, None, A, (O, "announced")),
        (A, "degr", D, (D, "outage")),
        (A, "degr", U, (U, "observed")),
        (D, "degr", A, (D, "announced")),
        (A, "true", U, (U, "outage")),
        (A, "fals", None, (A, "announced")),
        (A, "fals", D, (D, "observed")),
    ],
)
def test_the_worst_counts_and_of_equals_the_words_of_staff(
    announced: ResourceState, impact: str | None, observed: ResourceState | None, shown: tuple[ResourceState, str]
) -> None:
    view = seen(
        replace(RESOURCE, state=announced, description="announced"),
        outages=(outage(impact),) if impact else (),
        observed=(replace(OBSERVATION, state=observed),) if observed else (),
    )
    assert (view.resource(NAME).state, view.resource(NAME).description) == shown
    assert view.announced(NAME).state is announced


def test_an_old_observation_is_no_knowledge() -> None:
    expired = replace(OBSERVATION, expires_at=NOW)
    assert seen(observed=(expired,)).resource(NAME).state is A
    assert seen(observed=(expired,)).observations == {}


def test_observations_of_several_probes_count_by_the_worst() -> None:
    others = (replace(OBSERVATION, probe="a", state=A), OBSERVATION, replace(OBSERVATION, probe="c", state=U))
    assert seen(observed=others).resource(NAME).state is U


@pytest.mark.parametrize(
    ("outages", "observed", "changed_at"),
    [
        ((), (), NOW - DAY),
        ((outage(),), (), NOW - HOUR),
        ((outage("fals"),), (), NOW - DAY),
        ((outage(start_at=NOW + HOUR, end_at=None),), (), NOW - DAY),
        ((outage(end_at=NOW - HOUR / 2),), (), NOW - HOUR / 2),
        ((outage(end_at=None, updated_at=NOW),), (), NOW - HOUR),
        ((outage(status=OutageStatus.COMPLETED, updated_at=NOW - HOUR / 4),), (), NOW - HOUR / 4),
        ((outage(status=OutageStatus.COMPLETED, end_at=NOW - HOUR / 2, updated_at=NOW),), (), NOW - HOUR / 2),
        ((outage(status=OutageStatus.CANCELLED),), (), NOW - DAY),
        ((outage(status=OutageStatus.CANCELLED, updated_at=NOW - HOUR / 4),), (), NOW - HOUR / 4),
        ((), (OBSERVATION,), NOW - HOUR),
        ((), (replace(OBSERVATION, since=None),), NOW - DAY),
    ],
)
def test_when_it_last_changed(
    outages: tuple[Outage, ...], observed: tuple[Observation, ...], changed_at: datetime
) -> None:
    assert seen(outages=outages, observed=observed).resource(NAME).updated_at == changed_at


def test_staff_know_of_trouble_that_they_announced() -> None:
    assert seen(observed=(OBSERVATION,)).known_trouble(NAME) is A
    assert seen(replace(RESOURCE, state=D)).known_trouble(NAME) is D
    assert seen(replace(RESOURCE, state=D), outages=(outage(),)).known_trouble(NAME) is U
    assert seen(outages=(outage(start_at=NOW + HOUR, end_at=None),)).known_trouble(NAME) is A


@pytest.mark.parametrize(
    ("note", "active"),
    [
        (Note(1, NAME, "always"), True),
        (Note(1, NAME, "withdrawn", active=False, starts_at=NOW - HOUR), False),
        (Note(1, NAME, "to come", starts_at=NOW + HOUR), False),
        (Note(1, NAME, "begins now", starts_at=NOW), True),
        (Note(1, NAME, "lasts", ends_at=NOW + HOUR), True),
        (Note(1, NAME, "over", ends_at=NOW), False),
    ],
)
def test_a_note_counts_in_its_time(note: Note, active: bool) -> None:
    assert [each.active for each in seen(notes=(note,)).notes[NAME]] == [active]
