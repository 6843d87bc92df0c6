"""Which keys a row has, and in which order, is the contract's: a change shows here first."""

from hashlib import sha256

from superfacility.facility.rows import SACCT_COLUMNS, SQUEUE_COLUMNS


def _mark(columns: tuple[str, ...]) -> str:
    return sha256(" ".join(columns).encode()).hexdigest()[:16]


def test_the_columns_are_those_of_the_contract() -> None:
    assert (len(SQUEUE_COLUMNS), _mark(SQUEUE_COLUMNS)) == (49, "e3ab25a05a332031")
    assert (len(SACCT_COLUMNS), _mark(SACCT_COLUMNS)) == (107, "28f3bf03098792aa")
