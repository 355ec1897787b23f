"""Alembic's entry point: runs the migrations on the connection and in the transaction of `migrations_runner`."""

from __future__ import annotations

from alembic import context

from vimesh.store.schema.all_tables import ALL_TABLES

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=ALL_TABLES,
    # The caller has started the transaction: all migrations or none, if the database can roll back DDL.
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
