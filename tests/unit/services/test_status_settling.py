"""One hiccup flips nothing, and a flip goes no further than the findings agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superfacility.facility.status import ResourceState
from superfacility.services.status.settling import Finding, Settling

A, D, U = ResourceState.ACTIVE, ResourceState.DEGRADED, ResourceState.UNAVAILABLE


def settled(*states: ResourceState, begin: ResourceState = A) -> list[ResourceState]:
    settling = Settling(Finding(begin, "begin"), failures=3, successes=2)
    told = []
    for number, state in enumerate(states):
        settling.add(Finding(state, str(number)))
        told.append(settling.settled.state)
    return told


@pytest.mark.parametrize(
    ("begin", "found", "told"),
    [
        (A, [U, U, U], [A, A, U]),
        (A, [U, U, A, U, U], [A, A, A, A, A]),
        (U, [A, A], [U, A]),
        (U, [A, U, A, A], [U, U, U, A]),
        (A, [U, D, U, U, U], [A, A, D, D, D]),
        (A, [U, D, U, U, U, U], [A, A, D, D, D, U]),
        (U, [A, D, A, A], [U, D, D, A]),
        (D, [A, U, A, U], [D, D, D, D]),
    ],
)
def test_it_takes_several_in_a_row(begin: ResourceState, found: list[ResourceState], told: list[ResourceState]) -> None:
    assert settled(*found, begin=begin) == told


def test_the_words_are_those_of_the_last_look_that_agrees() -> None:
    settling = Settling(Finding(A, "fine"), failures=2, successes=1)
    assert not settling.add(Finding(D, "1 node"))
    assert settling.add(Finding(D, "2 nodes"))
    assert settling.settled == Finding(D, "2 nodes")
    assert not settling.add(Finding(D, "3 nodes"))
    assert settling.settled == Finding(D, "3 nodes")
    assert settling.add(Finding(A, "fine again"))
    assert settling.settled.description == "fine again"


@given(st.lists(st.sampled_from([A, D, U])))
def test_whatever_is_found_a_change_needs_agreement(found: list[ResourceState]) -> None:
    settling = Settling(Finding(A, ""), failures=3, successes=2)
    for number, state in enumerate(found):
        before = settling.settled.state
        changed = settling.add(Finding(state, ""))
        after = settling.settled.state
        assert changed == (before != after)
        if after.severity > before.severity:
            assert all(each.severity >= after.severity for each in found[number - 2 : number + 1])
            assert number >= 2
        if after.severity < before.severity:
            assert all(each.severity <= after.severity for each in found[number - 1 : number + 1])
