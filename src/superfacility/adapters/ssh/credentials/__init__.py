"""What the gateway shows a login node to act as a user: certificates of minutes, or a static key for one person.

What belongs here: keys, certificates, and whoever signs them. What does not: connections.
"""

from superfacility.adapters.ssh.credentials.addresses import advice, own_addresses
from superfacility.adapters.ssh.credentials.authority import Authority, Credentials, Purpose, SignIn
from superfacility.adapters.ssh.credentials.ca_key import CaKey
from superfacility.adapters.ssh.credentials.key_service import KeyService
from superfacility.adapters.ssh.credentials.programs import AgentSigner, CommandSigner
from superfacility.adapters.ssh.credentials.user_keys import UserKeys
from superfacility.adapters.ssh.options import Options
from superfacility.core.clock import Clock

__all__ = ["Credentials", "Purpose", "SignIn", "advice", "open_credentials", "own_addresses"]


def open_credentials(options: Options, clock: Clock) -> Credentials:
    """`InvalidInput` for files that are not there or that others could read."""
    if options.user_keys is not None:
        return UserKeys(options.user_keys)
    if options.key_service is not None:
        return KeyService(options.key_service, options.key_service_token, options, clock)
    if options.ca_key is not None:
        return Authority(CaKey(options.ca_key, clock), options, clock)
    if options.ca_agent is not None and options.ca_agent_key is not None:
        return Authority(AgentSigner(options.ca_agent, options.ca_agent_key), options, clock)
    return Authority(CommandSigner(options.ca_command), options, clock)
