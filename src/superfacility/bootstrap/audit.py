"""The sealer of the audit log and what verifies it, which operators need as well."""

from superfacility.adapters.local.audit_witness import FileWitness
from superfacility.bootstrap.stores import AUDIT_KEY, Stores
from superfacility.core.clock import Clock
from superfacility.facility.audit.chain import Seal
from superfacility.facility.secret_files import own_key
from superfacility.services.audit import Sealer, Verification, verify
from superfacility.settings import Settings

WITNESS = "audit.head"
"""In the folder of state: the last seal that this host has seen."""


def open_sealer(settings: Settings, stores: Stores, clock: Clock) -> Sealer:
    return Sealer(stores.audit_chain, _key(settings), _witness(settings), clock)


async def verify_audit(settings: Settings, stores: Stores, expected: Seal | None = None) -> Verification:
    return await verify(stores.audit_chain, _key(settings), _witness(settings), expected)


def _key(settings: Settings) -> bytes:
    return own_key(settings.path(settings.keys) / AUDIT_KEY)


def _witness(settings: Settings) -> FileWitness:
    return FileWitness(settings.path(settings.state) / WITNESS)
