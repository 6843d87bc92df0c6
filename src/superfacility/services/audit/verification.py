"""Reading the chain from its beginning to its end."""

from dataclasses import dataclass

from superfacility.facility.audit.chain import AuditChain, Seal, SealedEntry, Witness, check_anchor, is_next, is_ours
from superfacility.services.audit.sealing import remembers

_FAULTS = 20


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. `faults` are sentences, empty if the log is whole; after the first break the rest is compared
    with the seal that is there, so that each break is told once."""

    entries: int
    beginning: Seal
    head: Seal
    waiting: int
    faults: tuple[str, ...]


async def verify(chain: AuditChain, key: bytes, witness: Witness, expected: Seal | None = None) -> Verification:
    """Compute every seal again. `expected` is one that was noted elsewhere and must still be there."""
    found = await _walk(chain, key, witness, expected)
    while found.faults and (await chain.anchor())[0] != found.beginning:  # it was purged meanwhile
        found = await _walk(chain, key, witness, expected)
    return found


async def _walk(chain: AuditChain, key: bytes, witness: Witness, expected: Seal | None) -> Verification:
    beginning, proof = await chain.anchor()
    faults: list[str] = []
    if not check_anchor(key, beginning, proof):
        faults.append(f"The beginning at position {beginning.position} was not made by this installation's key.")
    entries, head = 0, beginning
    async for sealed in chain.walk():
        entries += 1
        if sealed.seal.position != head.position + 1:
            faults.append(f"Positions {head.position + 1} to {sealed.seal.position - 1} are missing.")
        elif not is_next(key, head, sealed):
            faults.append(f"{_told(sealed)} is not what was sealed.")
        elif not is_ours(key, head, sealed):
            faults.append(
                f"{_told(sealed)} was written without this installation's key: by somebody who has the database, or by "
                "an older version that ran on after the upgrade."
            )
        head = sealed.seal
        if len(faults) >= _FAULTS:
            faults.append("There may be more: reading stopped here.")
            break
    faults += [f"Row {number} has the proof of another row: it is a copy." for number in await chain.copies()]
    for seal, whose in ((witness.recall(), "this host has seen"), (expected, "you have given")):
        if not await remembers(chain, key, seal):
            faults.append(f"The seal {seal} that {whose} is not in the log any more: its end was cut off or rewritten.")
    return Verification(entries, beginning, head, await chain.unsealed(), tuple(faults))


def _told(sealed: SealedEntry) -> str:
    at = f"{sealed.entry.at:%Y-%m-%d %H:%M:%S} UTC"
    return f"Position {sealed.seal.position} (row {sealed.number}, {at}, {sealed.entry.action})"
