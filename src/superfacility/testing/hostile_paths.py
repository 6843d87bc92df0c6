"""Paths that want out: the corpus that every file route and every transport is tried with.

It supposes a folder `base` with `home/demo1` in it, where `home` alone may be seen, and a file `secret` beside it.
"""

import os
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

SECRET = "canary-of-the-signing-keys"  # noqa: S105 - to be looked for


def request_tails(base: Path) -> list[bytes]:
    """What follows `/ls/{machine}` in a request; none may show, change or create anything outside the homes."""
    ups = [
        "../", "%2e%2e/", "%2e%2e%2f", "..%2f", "..%5c", "..%252f", "%252e%252e/", "....//", "..;/", ".%2e/",
        "..%c0%af", "%c0%ae%c0%ae/", "..%e0%80%af", "..%00/", "..%0a/", "./../",
    ]  # fmt: skip
    goals = ["secret", "etc/passwd", "proc/self/environ"]
    home = quote_from_bytes(os.fsencode(base / "home" / "demo1"))
    tails = [f"/{home}/{up * depth}{goal}" for up in ups for depth in (1, 2, 6, 40) for goal in goals]
    absolute = [
        "/etc/passwd", "/etc/", "/", "/root/", "/proc/self/environ", "/proc/self/root/etc/passwd", "/proc/1/root/",
        "/proc/self/cwd/", "/proc/self/mem", "/proc/self/maps", "/dev/null", "/dev/zero", "/dev/stdin", "/dev/fd/0",
        "/dev/tty", "/dev/full", "/dev/random", "/sys/kernel/", "/run/", "/srv/",
        *(f"/proc/self/fd/{number}" for number in range(12)),
        *(f"/proc/thread-self/fd/{number}" for number in range(3)),
        f"/proc/self/root{base}/secret", f"/proc/self/cwd/../../../../..{base}/secret", f"{base}/secret",
        f"{base}//secret", f"{base}/./secret", f"{base}/home/../secret", f"{base}/home2/x", f"{base}/homes",
        f"{base}/home/demo1/out", f"{base}/home/demo1/outdir/secret", f"{base}/home/demo1/outdir/new",
        f"{base}/home/demo1/etc/passwd", f"{base}/home/demo1/etc/", f"{base}/home/demo1/loop",
        f"{base}/home/demo1/loop/x", f"{base}/home/demo1/fifo", f"{base}/home/demo1/fifo/x",
        f"{base}/home/demo1/root{base}/secret", f"{base}/home/demo1/dangling", f"{base}/home/demo1/procfd/0",
        f"{base}/home/demo1/null", f"{base}/home/demo1/zero", f"{base}/home/demo1/deep/../../../secret",
    ]  # fmt: skip
    odd = [
        "~", "~root/.ssh/id_rsa", "~demo2", "-la", "--help", "C:%5csecret", "%5c%5chost%5cshare", "file:%2f%2f%2fetc",
        "$HOME", "$(cat%20/etc/passwd)", "%60id%60", "|id", ";id", "%00", "x%00y", "%00/etc/passwd", "x%0ay", "%0d%0a",
        "caf%c3%a9", "cafe%cc%81", "%ff%fe", "%ed%a0%80", "%f4%90%80%80", "a" * 255, "a" * 256, "a" * 4096, "a/" * 2048,
        "a/" * 2000, "%2e", "%2e%2e", ".", "..", "...", "%20", "%09", "*", "?", "%3f", "%23", "%25", "%25%30%30",
        "sparse", ".bashrc%00.txt", "%e2%80%ae", "%ef%bc%8f", "%e2%88%95", "con", "nul", "%7f", "%1b%5b2J",
    ]  # fmt: skip
    return [each.encode() for each in (*tails, *("/" + each for each in absolute), *(f"/{home}/{x}" for x in odd))]


def paths(base: Path) -> list[str]:
    """The same as a transport is given them."""
    return sorted({"/" + os.fsdecode(unquote_to_bytes(tail)).lstrip("/") for tail in request_tails(base)})


def lay_traps(base: Path) -> None:
    """Links, loops, a FIFO and a sparse file in the home; secrets whose names resemble the home's."""
    (base / "secret").write_text(SECRET)
    home = base / "home" / "demo1"
    (base / "home2").mkdir()
    (base / "home2" / "x").write_text(SECRET)
    (base / "homes").write_text(SECRET)
    links = {
        "out": "../../secret", "outdir": str(base), "etc": "/etc", "root": "/proc/self/root", "loop": "loop",
        "dangling": "../../new", "procfd": "/proc/self/fd", "null": "/dev/null", "zero": "/dev/zero",
    }  # fmt: skip
    for name, target in links.items():
        (home / name).symlink_to(target)
    (home / "deep").symlink_to("/proc/self/root" + str(home))
    os.mkfifo(home / "fifo")
    with (home / "sparse").open("wb") as file:
        file.truncate(1 << 40)


def beside_the_homes(base: Path) -> dict[str, bytes | None]:
    """All that lies beside the homes."""
    found = (path for path in base.rglob("*") if not path.is_relative_to(base / "home"))
    return {str(path): path.read_bytes() if path.is_file() else None for path in found}
