"""Where the UUID of a submission travels: in the path under which sbatch is given the script.

Slurm keeps that path as the job's command, which the queue shows, and in the submit line, which accounting shows,
whatever a site keeps of comments. The path leads through a folder or link of this submission's own, which is gone when
sbatch has read the script. The number behind the UUID is the attempt's: two attempts never share a path.
"""

import re

from superfacility.facility.jobs import Intent

NAME = "sbatch"
"""The last part of a script's path is the job's name unless it has one; sbatch calls what it reads from stdin so."""
_PREFIX = re.compile(r"/\S*?/sfapi\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.\d+|/sfapi\.[0-9a-f-]{36}\.\d+")


def carrier(folder: str, intent: Intent) -> str:
    """The path of a submission's folder or link, but for the number of the attempt."""
    return f"{folder.rstrip('/')}/sfapi.{intent}"


def carries(text: str, intent: Intent) -> bool:
    return f"/sfapi.{intent}." in text


def shown_command(command: str) -> str:
    """What a user knows as the command: the path of their own script, and none for the text of one."""
    if "/sfapi." not in command:
        return command
    text = without_carrier(command)
    return "(null)" if text.partition(" ")[0] == f"/{NAME}" else text


def without_carrier(text: str) -> str:
    """sbatch's words, with the path that its caller knows."""
    return _PREFIX.sub("", text)
