"""Runs Alembic on the connection that `schema.migrate` hands over; there is no configuration file."""

from alembic import context

from superfacility.adapters.sql.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
