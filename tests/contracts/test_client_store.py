"""The client store's suite over both databases and memory."""

from tests.contracts.around import InMemory, OverSql

from superfacility.adapters.sql import Location, SqlClientStore, SqlPeople, open_database
from superfacility.oauth.clients import ClientStore
from superfacility.testing.contracts.client_store import CLIENT, ID, ClientStoreContract, entry


class TestSqlClientStore(OverSql, ClientStoreContract):
    async def test_another_process_changes_are_seen_at_once(self, location: Location, clients: ClientStore) -> None:
        """A second Database object has its own connections, as another process has."""
        other = open_database(location)
        try:
            elsewhere = SqlClientStore(other)
            for _ in range(20):
                before = await elsewhere.generation()
                await SqlPeople(other).users()
                await clients.save(CLIENT, entry(), new=await clients.client(ID) is None)
                assert await elsewhere.generation() == before + 1
        finally:
            await other.aclose()


class TestMemoryClientStore(InMemory, ClientStoreContract): ...
