"""Runs the migrations that a database lacks."""

from pathlib import Path

from sqlalchemy import Connection

from superfacility.adapters.sql.stores.audit.chain import prove_unsealed

_PROOFS = "0014"


def bring_up(connection: Connection, audit_key: bytes | None) -> None:
    """Run what is lacking. When proofs of audit rows come with it, what waits to be sealed gets them."""
    before = _revision(connection)
    upgrade(connection)
    if audit_key is not None and before is not None and before < _PROOFS:
        prove_unsealed(connection, audit_key)


def _revision(connection: Connection) -> str | None:
    from alembic.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection) -> None:
    """In the transaction that the connection is in."""
    from alembic import command  # here, because a third of what the package takes to import would be Alembic
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")
