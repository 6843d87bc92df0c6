"""What a worker has in hand."""

from superfacility.adapters.sql.stores.tasks.hands import InHand


def test_a_number_that_was_undone_and_given_again_stays_in_hand() -> None:
    hands = InHand()
    hands.take([7])
    hands.take([7, 8])
    hands.drop([7])
    assert hands.numbers() == {7, 8}
    hands.drop([7, 8, 9])
    assert hands.numbers() == frozenset()
