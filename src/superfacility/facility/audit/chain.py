"""The chain of seals over the audit log, so that what was written cannot be changed unnoticed."""

import hashlib
import hmac
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import orjson

from superfacility.facility.audit.entries import AuditEntry
from superfacility.facility.audit.proofs import proves
from superfacility.facility.errors import FacilityError

GENESIS = bytes(32)
"""What the first seal of an installation follows."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A place in the chain: positions count from 1 without a gap, `digest` has 32 bytes."""

    position: int
    digest: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.digest.hex()}"

    @classmethod
    def read(cls, text: str) -> "Seal":
        """`ValueError` for what is none."""
        position, _, digest = text.strip().partition(":")
        seal = cls(int(position), bytes.fromhex(digest))
        if seal.position < 0 or len(seal.digest) != len(GENESIS):
            raise ValueError(text)
        return seal


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """An entry with the number of its row, its seal, and the proof of who wrote it (see `proofs`), if it has one."""

    number: int
    entry: AuditEntry
    seal: Seal
    proof: bytes | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """The last seal (of position 0 in an empty log), how many entries were sealed, how many of them are not ours."""

    head: Seal
    sealed: int = 0
    foreign: int = 0


def next_seal(key: bytes, previous: Seal, number: int, entry: AuditEntry, proof: bytes | None) -> Seal:
    """The seal of an entry: HMAC-SHA-256 over the seal before it, all that the entry says, and its proof.

    Whoever changes, removes, adds or reorders rows without the key breaks every seal that follows.
    """
    return _seal(key, previous, [number, *entry.said(), None if proof is None else proof.hex()])


def is_next(key: bytes, previous: Seal, sealed: SealedEntry) -> bool:
    """Whether this is what was sealed after `previous`."""
    ordinary = next_seal(key, previous, sealed.number, sealed.entry, sealed.proof)
    return sealed.seal == ordinary or _is_of_old(key, previous, sealed)


def is_ours(key: bytes, previous: Seal, sealed: SealedEntry) -> bool:
    """Whether a process that has the key wrote it. Nobody asks that of what was sealed before there were proofs."""
    if sealed.proof is None:
        return _is_of_old(key, previous, sealed)
    return proves(key, sealed.entry, sealed.proof)


def _is_of_old(key: bytes, previous: Seal, sealed: SealedEntry) -> bool:
    """Without the key nobody makes a seal like that for a row of today."""
    return sealed.proof is None and sealed.seal == _seal(key, previous, [sealed.number, *sealed.entry.said()])


def _seal(key: bytes, previous: Seal, said: list[int | str | None]) -> Seal:
    position = previous.position + 1
    return Seal(position, hmac.digest(key, previous.digest + orjson.dumps([position, *said]), hashlib.sha256))


def anchor_proof(key: bytes, anchor: Seal) -> bytes:
    """What shows that it was us who removed everything up to `anchor`, when its time had come."""
    return hmac.digest(key, b"anchor:" + str(anchor).encode(), hashlib.sha256)


class ChainBroken(FacilityError):
    """What is there is not what was sealed."""


def check_anchor(key: bytes, anchor: Seal, proof: bytes | None) -> bool:
    """Whether the chain begins where we have let it begin."""
    if proof is None:
        return anchor.position == 0
    return hmac.compare_digest(proof, anchor_proof(key, anchor))


class AuditChain(Protocol):
    """The seals of the audit log, in the order in which entries were committed."""

    async def extend(self, key: bytes, limit: int = 1000) -> Extension:
        """Seal the next entries, also those that are not ours: they must stay where they can be seen.

        One at a time among all processes and hosts.
        """

    async def copies(self) -> Sequence[int]:
        """Row numbers of entries whose proof is another entry's, too; some of them if there are many."""

    async def head(self) -> Seal:
        """The last seal."""

    async def seal_at(self, position: int) -> Seal | None:
        """None where there is no such position, or its entry was purged."""

    async def anchor(self) -> tuple[Seal, bytes | None]:
        """Where the chain begins: the last seal that was purged with its proof, or position 0 with None."""

    async def unsealed(self) -> int:
        """How many entries wait."""

    def walk(self) -> AsyncIterator[SealedEntry]:
        """All sealed entries in the order of their positions, some at a time."""

    async def purge(self, key: bytes, before: datetime, limit: int = 1000) -> int:
        """Drop sealed entries from the beginning of the chain, up to the first that is not older than `before`, and
        move the anchor there; returns how many. `ChainBroken`, with nothing dropped, where one of them or the anchor is
        not what was sealed: its time may have been moved to get rid of it.
        """


class Witness(Protocol):
    """What a host remembers of the chain outside the database, so that a shortened chain is noticed."""

    def recall(self) -> Seal | None:
        """None before the first."""

    def remember(self, seal: Seal) -> None: ...
