"""How allocations stand, in the columns of a table."""

from superfacility.cli.user.terminal.output import Columns


def hours(given: float | None) -> str:
    return "no limit" if given is None else f"{given:.1f}"


STANDING: Columns = {
    "ALLOCATION": lambda each: each.project,
    "KIND": lambda each: each.kind,
    "LEFT": lambda each: hours(each.left),
    "USED": lambda each: f"{each.used:.1f}",
    "GIVEN": lambda each: hours(each.hours),
    "YOURS": lambda each: hours(each.own_hours),
    "BY YOU": lambda each: f"{each.own_used:.1f}",
    "FROM": lambda each: each.begins or "",
    "UNTIL": lambda each: each.ends or "",
}
