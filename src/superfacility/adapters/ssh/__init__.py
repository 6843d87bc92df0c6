"""The SSH transport: commands and files of a system, as the calling user. The only place that knows AsyncSSH.

What belongs here: signing in, connections and their limits, channels, SFTP. What does not: what the commands mean.
"""

from collections.abc import Mapping
from typing import Any

from superfacility.adapters.ssh.options import read_options
from superfacility.adapters.ssh.transport import SshTransport
from superfacility.core.clock import SystemClock
from superfacility.facility.site import Site
from superfacility.facility.transport import Transport


def open_transport(site: Site, options: Mapping[str, Any]) -> Transport:
    """Entry point `ssh` of `superfacility.transports`. Nothing is connected before it is needed."""
    return SshTransport(site, read_options(options), SystemClock())
