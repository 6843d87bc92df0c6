"""Somebody whose account answers with what they like instead of our little program: the service outlives it."""

import asyncio
from pathlib import Path

import pytest

from superfacility.facility.commands import Command
from superfacility.facility.errors import Doubtful

LIAR = """
import re, sys
mark = re.search("mark=([0-9a-f]+)", sys.stdin.readline())[1]
def say(code):
    for stream in (sys.stdout, sys.stderr):
        stream.write(f"\\x1e{mark} {code:>3}\\x1e")
        stream.flush()
say("000")
for line in sys.stdin:
    if line.startswith(mark):
        sys.stdout.write("a lie")
        say("%CODE%")
"""


@pytest.mark.parametrize("code", ["abc", "CD", "-1", "1_0"])
async def test_an_exit_code_that_is_none_leaves_a_doubt(login_node, start_file, code: str) -> None:
    start_file("liar.py", LIAR.replace("%CODE%", code))
    start_file(".bashrc", "exec python3 ~/liar.py\n")
    with pytest.raises(Doubtful, match="look before"):
        await login_node.open().run(login_node.carol, Command(("true",)))


def _resident() -> int:
    """Mebibytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20


async def test_a_flood_is_read_away_and_not_kept(login_node) -> None:
    command = Command(("yes", "x" * 1000), time_limit=4.0, output_limit=1000)
    transport = login_node.open()
    await transport.run(login_node.carol, Command(("true",)))
    before, most = _resident(), 0
    flooding = [asyncio.create_task(transport.run(login_node.carol, command)) for _ in range(3)]
    while not all(each.done() for each in flooding):
        most = max(most, _resident())
        await asyncio.sleep(0.02)
    assert all((each.result().timed_out, len(each.result().stdout)) == (True, 1000) for each in flooding)
    assert most - before < 100
