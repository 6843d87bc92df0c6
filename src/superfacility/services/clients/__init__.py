"""Registering programs: by operators (`registry`), by people and their programs themselves (`own`), and by staff where
more is wished for (`requests`). How much a client may give on is said in `power` alone.
"""

from superfacility.services.clients.collaborations import Collaborations
from superfacility.services.clients.own import OwnClients
from superfacility.services.clients.registry import ClientService
from superfacility.services.clients.requests import ClientRequests
from superfacility.services.clients.rules import Bounds, ClientRules
from superfacility.services.clients.wishes import Wish

__all__ = ["Bounds", "ClientRequests", "ClientRules", "ClientService", "Collaborations", "OwnClients", "Wish"]
