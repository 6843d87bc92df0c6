"""The secrets that webhooks are signed with, one for each person.

None is stored: each is derived from a key of the installation, which is a file, and a random salt of the person's,
which is a row. A copy of the database alone forges nothing.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from superfacility.core.clock import Clock
from superfacility.facility.deliveries import CallbackStore, SigningSalt
from superfacility.facility.people import UserName
from superfacility.oauth.principal import Principal
from superfacility.services.events.signatures import secret_text

OVERLAP = timedelta(hours=24)
"""How long a replaced secret goes on signing beside the new one."""
_RESENT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SigningSecrets:
    """`key` is the installation's, of 32 bytes or more."""

    key: bytes
    store: CallbackStore
    clock: Clock

    async def of(self, owner: UserName) -> list[str]:
        """The person's secret, made if there is none; and after it the one before, while that still counts."""
        salt = await self._salt(owner)
        found = [self._secret(owner, salt.current)]
        if salt.previous and salt.rotated_at and self.clock.now() < salt.rotated_at + OVERLAP:
            found.append(self._secret(owner, salt.previous))
        return found

    async def rotate(self, principal: Principal) -> str:
        """A new one, at once; the same again within a minute: programs resend what took long, and the receiver's own
        secret must stay the previous one."""
        owner, now = principal.user.name, self.clock.now()
        present = await self._salt(owner)
        if present.rotated_at and now < present.rotated_at + _RESENT:
            return self._secret(owner, present.current)
        salt = SigningSalt(_new_salt(), present.current, now)
        await self.store.save_salt(owner, salt, principal.audit(now, "callbacks.rotate", owner))
        return self._secret(owner, salt.current)

    async def _salt(self, owner: UserName) -> SigningSalt:
        return await self.store.salt(owner) or await self.store.save_salt(owner, SigningSalt(_new_salt()))

    def _secret(self, owner: UserName, salt: str) -> str:
        content = b"\0".join([b"superfacility webhook secret", owner.encode(), salt.encode()])
        return secret_text(hmac.digest(self.key, content, "sha256"))


def _new_salt() -> str:
    return secrets.token_urlsafe(24)
