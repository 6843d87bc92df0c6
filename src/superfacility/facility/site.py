"""What a site tells an adapter when it opens it.

Adapters are found by entry points: `superfacility.transports` (`open(site, options) -> Transport`),
`superfacility.schedulers` (`open(site, options, transport) -> Scheduler`) and `superfacility.transfer_agents`
(`open(options) -> TransferAgent`). `options` is the adapter's own table of the configuration file; an adapter raises
`InvalidInput` for a key or value it does not know.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from superfacility.facility.people import UserName


@dataclass(frozen=True, slots=True)
class Site:
    """One system as its adapters see it.

    `home` gives a user's home directory there. `roots` are the folders that hold people's files. `state` is a folder
    of this system's own for what its adapters must remember. Programs in `programs` are found first on the PATH of
    commands and jobs.
    """

    system: str
    home: Callable[[UserName], str]
    roots: tuple[str, ...]
    state: Path
    programs: Path
