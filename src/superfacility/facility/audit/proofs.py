"""The proof that an entry was written by a process of ours: made with a key that is not in the database.

The seal of the chain comes a moment later and says what was there then. Without a proof, what somebody else had put
there until then would be sealed as ours.
"""

import hashlib
import hmac
import secrets
from functools import lru_cache

import orjson

from superfacility.facility.audit.entries import AuditEntry

_NONCE, _WHOLE = 8, 32


def entry_proof(key: bytes, entry: AuditEntry) -> bytes:
    """No two are alike, so that a copy of a row is noticed: a random beginning, a keyed hash of it and the entry."""
    return _proof(key, secrets.token_bytes(_NONCE), entry)


def proves(key: bytes, entry: AuditEntry, proof: bytes) -> bool:
    return hmac.compare_digest(proof, _proof(key, proof[:_NONCE], entry))


def _proof(key: bytes, nonce: bytes, entry: AuditEntry) -> bytes:
    digest = hmac.digest(_entries_key(key), nonce + orjson.dumps(entry.said()), hashlib.sha256)
    return (nonce + digest)[:_WHOLE]


@lru_cache(maxsize=4)
def _entries_key(key: bytes) -> bytes:
    """Another than that of the seals, so that neither can stand for the other."""
    return hmac.digest(key, b"proofs of entries", hashlib.sha256)
