"""Listings of an account that answers with what it likes in the place of `find`."""

import pytest

from superfacility.adapters.ssh.files.listing import listing_command, read_listing
from superfacility.facility.commands import CommandResult
from superfacility.facility.errors import FileProblem

ROW = b"f 644 1 5 1.5\0me\0me\0\0name\0"


@pytest.mark.parametrize(
    "rows",
    [b"f 644 1 5\0me\0me\0\0name\0", b"f 9x9 1 5 1.5\0me\0me\0\0name\0", b"f 644 1 five 1.5\0me\0me\0\0name\0",
     b"\xff 644 1 5 1.5\0me\0me\0\0name\0"],
)  # fmt: skip
def test_rows_that_are_none_are_a_problem_of_that_folder(rows: bytes) -> None:
    with pytest.raises(FileProblem, match="/home/carol"):
        read_listing("/home/carol", CommandResult(0, rows + b"\n", b""))


def test_a_listing_without_an_end_is_not_read() -> None:
    """Every caller's is in memory at a time, and reading takes the processor from everybody."""
    assert listing_command("/home/carol").output_limit <= 16 * 1024 * 1024
    with pytest.raises(FileProblem, match="too many entries"):
        read_listing("/home/carol", CommandResult(0, ROW * 200_001 + b"\n", b""))
