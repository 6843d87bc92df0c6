"""What projects had and what jobs cost before there were allocations is still there after the upgrade."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, text

from superfacility.adapters.sql import Location, SqlAllocations, SqlLedger, migrate, migrations, open_database
from superfacility.facility.accounting.allocations import HoursAllocation, Standing
from superfacility.facility.accounting.charges import HoursKind, Step, Usage, UsageBy, UsageQuery
from superfacility.facility.people import ProjectName, UserName
from superfacility.testing.postgresql import PostgreSQL

BEFORE, AFTER = "0011", "0012"
MICROSECONDS = 1_000_000
LATE = datetime(2025, 12, 31, 23, 59, tzinfo=UTC)
EARLY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    if request.param == "sqlite":
        return tmp_path / "old.db"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture
def engine(empty: Location) -> Iterator[Engine]:
    url = f"sqlite:///{empty}" if isinstance(empty, Path) else empty.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    yield engine
    engine.dispose()


def step(connection: Connection, act: Callable[[Config, str], None], revision: str) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(migrations.__file__).parent))
    configuration.attributes["connection"] = connection
    act(configuration, revision)


def fill(connection: Connection) -> None:
    projects = (("m0001", 100.0, 0.0, True), ("m0002", None, None, True), ("m0003", None, 5.5, False))
    for name, cpu, gpu, active in projects:
        connection.execute(
            text("INSERT INTO projects (name, description, cpu_hours, gpu_hours, active) VALUES (:n, '', :c, :g, :a)"),
            {"n": name, "c": cpu, "g": gpu, "a": active},
        )
    for number, (user, hours, ended) in enumerate((("a", 1.0, LATE), ("b", 2.0, EARLY), ("a", 4.0, EARLY))):
        connection.execute(
            text(
                'INSERT INTO charges (system, job_id, submitted_at, project, "user", node_hours, ended_at)'
                " VALUES ('pm', :id, 0, 'm0001', :user, :hours, :ended)"
            ),
            {
                "id": str(number),
                "user": user,
                "hours": hours,
                "ended": int(ended.timestamp()) * MICROSECONDS,
            },
        )


async def test_data_of_the_old_schema_is_kept(empty: Location, engine: Engine) -> None:
    with engine.begin() as connection:
        step(connection, command.upgrade, BEFORE)
        fill(connection)
    migrate(empty)
    database = open_database(empty)
    allocations, ledger = SqlAllocations(database), SqlLedger(database)
    try:
        names = [ProjectName(f"m000{number}") for number in range(1, 4)]
        found = await allocations.standings(names, user=UserName("a"))
        usage = await ledger.usage()
        days = await ledger.over_time(UsageQuery(LATE.date(), EARLY.date(), Step.DAY, UsageBy.QOS))
    finally:
        await database.aclose()
    assert [(each.allocation.project, each.allocation.kind, each.allocation.hours) for each in found] == [
        ("m0001", HoursKind.CPU, 100.0),
        ("m0001", HoursKind.GPU, 0.0),
        ("m0003", HoursKind.GPU, 5.5),
    ]
    allocation = HoursAllocation(found[0].allocation.id, names[0], HoursKind.CPU, 100.0)
    assert found[0] == Standing(allocation, 7.0, 5.0)
    assert usage == [Usage("m0001", "a", 5.0), Usage("m0001", "b", 2.0)]
    assert [(each.begins, each.of, each.node_hours, each.jobs) for each in days] == [
        (date(2025, 12, 31), "", 1.0, 1),
        (date(2026, 1, 1), "", 6.0, 2),
    ]


def test_the_way_back_keeps_the_latest_hours(engine: Engine) -> None:
    with engine.begin() as connection:
        step(connection, command.upgrade, BEFORE)
        fill(connection)
        step(connection, command.upgrade, AFTER)
        connection.execute(text("UPDATE allocations SET ends = 10 WHERE project = 'm0001' AND kind = 'cpu'"))
        connection.execute(
            text("INSERT INTO allocations (project, kind, hours, begins) VALUES ('m0001', 'cpu', 300.0, 11)")
        )
        step(connection, command.downgrade, BEFORE)
        rows = connection.execute(text("SELECT name, cpu_hours, gpu_hours FROM projects ORDER BY name")).all()
        charged = connection.execute(text("SELECT sum(node_hours) FROM charges")).scalar()
    assert rows == [("m0001", 300.0, 0.0), ("m0002", None, None), ("m0003", None, 5.5)]
    assert charged == 7.0
