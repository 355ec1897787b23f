"""Alembic's entry: runs the migrations on the connection and in the transaction of `migrations_runner`."""

from __future__ import annotations

from alembic import context

from vimesh.store.schema.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # The caller has begun the transaction: all migrations or none, where the database can undo a change of its tables.
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
