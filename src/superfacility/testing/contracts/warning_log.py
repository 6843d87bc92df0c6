"""The suite of `WarningLog`.

Fixtures to supply, all of one store: `notes`, `clients`, `people`.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from superfacility.facility.people import People, User
from superfacility.oauth.clients import ClientId, ClientStore
from superfacility.oauth.registration.warnings import Ending, WarningLog
from superfacility.testing.contracts.client_store import ALICE, CLIENT, NOW, entry

HOUR = timedelta(hours=1)


class WarningLogContract:
    """Subclass it with the fixtures named above."""

    @pytest.fixture(autouse=True)
    async def known(self, people: People, clients: ClientStore) -> None:
        await people.save_user(User(0, ALICE), entry("users.add"), new=True)
        for number in (3, 1, 2):
            each = replace(CLIENT, id=ClientId(f"client{number}"), expires_at=NOW + number * HOUR)
            await clients.save(each, entry(), new=True)

    async def test_those_that_end_soon_come_first(self, notes: WarningLog, clients: ClientStore) -> None:
        assert [each.client.id for each in await notes.ending(NOW, NOW + 2 * HOUR)] == ["client1", "client2"]
        assert [each.client.id for each in await notes.ending(NOW + HOUR, NOW + 3 * HOUR)] == ["client2", "client3"]
        await clients.revoke(ClientId("client2"), NOW, entry())
        assert [each.client.id for each in await notes.ending(NOW, NOW + 2 * HOUR)] == ["client1"]

    async def test_what_was_told_is_remembered_for_this_end(self, notes: WarningLog, clients: ClientStore) -> None:
        (first,) = await notes.ending(NOW, NOW + HOUR)
        assert first == Ending(first.client)
        await notes.record(first.client, ["a", "b"])
        await notes.record(first.client, ["b", "c"])
        assert await notes.ending(NOW, NOW + HOUR) == [Ending(first.client, frozenset("abc"))]
        renewed = replace(first.client, expires_at=NOW + 9 * HOUR)
        await clients.save(renewed, entry())
        assert await notes.ending(NOW + 8 * HOUR, NOW + 9 * HOUR) == [Ending(renewed)]

    async def test_what_is_over_is_forgotten(self, notes: WarningLog) -> None:
        for each in await notes.ending(NOW, NOW + 3 * HOUR):
            await notes.record(each.client, ["a", "b"])
        assert await notes.forget(NOW + 2 * HOUR) == 2
        assert [each.told for each in await notes.ending(NOW, NOW + 3 * HOUR)] == [frozenset(), *[frozenset("ab")] * 2]
