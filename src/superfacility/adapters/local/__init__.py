"""This machine, as the server's own account: a transport and a transfer agent. No scheduler lives here."""

from collections.abc import Mapping
from typing import Any

from superfacility.adapters.local.transfer_agent import LocalTransferAgent
from superfacility.adapters.local.transport import LocalTransport
from superfacility.facility.errors import InvalidInput
from superfacility.facility.site import Site
from superfacility.facility.transfers import TransferAgent
from superfacility.facility.transport import Transport


def _no_options(adapter: str, options: Mapping[str, Any]) -> None:
    if options:
        raise InvalidInput(f"The local {adapter} has no options; remove {', '.join(sorted(options))}.")


def open_transport(site: Site, options: Mapping[str, Any]) -> Transport:
    """Entry point `local` of `superfacility.transports`."""
    _no_options("transport", options)
    return LocalTransport(site)


def open_transfer_agent(options: Mapping[str, Any]) -> TransferAgent:
    """Entry point `local` of `superfacility.transfer_agents`."""
    _no_options("transfer agent", options)
    return LocalTransferAgent()
