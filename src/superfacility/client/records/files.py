"""Files of a system, and copies of them."""

from dataclasses import dataclass

from superfacility.client.records.reading import Row, text


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of `ls -la`. `name` as listed: bare in a folder, the absolute path for a file that was asked for itself."""

    name: str
    permissions: str
    user: str
    group: str
    size: int
    modified: str
    """As the server writes it."""

    @classmethod
    def of(cls, row: Row) -> "Entry":
        return cls(
            name=str(row["name"]),
            permissions=text(row, "perms"),
            user=text(row, "user"),
            group=text(row, "group"),
            size=int(float(row.get("size") or 0)),
            modified=text(row, "date"),
        )

    @property
    def is_folder(self) -> bool:
        return self.permissions.startswith("d")

    @property
    def is_link(self) -> bool:
        return self.permissions.startswith("l")


@dataclass(frozen=True, slots=True)
class Copied:
    """A file that was copied whole; `sha256` of the bytes that moved."""

    source: str
    target: str
    size: int
    sha256: str
