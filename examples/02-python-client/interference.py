"""The work: a picture of waves that go out from two slits and meet. It needs Python alone, as on any compute node."""

import math
import struct
import sys
import zlib
from pathlib import Path

WIDTH, HEIGHT = 480, 320


def brightness(x: int, y: int, distance: float) -> int:
    """Of one point, from 0 to 255; the slits are at the left edge, `distance` points apart."""
    ways = [math.hypot(x + 1, y - HEIGHT / 2 - side * distance / 2) for side in (-1, 1)]
    field = sum(math.cos(way / 3) for way in ways) / len(ways)
    return int(255 * field * field)


def png(rows: list[bytes]) -> bytes:
    """Grey pixels as a file (https://www.w3.org/TR/png/)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def main(distance: float, target: str) -> None:
    rows = []
    for y in range(HEIGHT):
        rows.append(bytes(brightness(x, y, distance) for x in range(WIDTH)))
        if y % 80 == 79:
            print(f"{y + 1} of {HEIGHT} lines", flush=True)
    Path(target).write_bytes(png(rows))


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2])
