"""The suite of People over both databases and memory."""

from tests.contracts.around import InMemory, OverSql

from superfacility.testing.contracts.people import PeopleContract


class TestSqlPeople(OverSql, PeopleContract): ...


class TestMemoryPeople(InMemory, PeopleContract): ...
