"""Runs mistral-server so that its processes take turns at a SQLite file.

Unmodified, it gives up at once if two processes read first and write later; it does not retry everything, and some
executions stay RUNNING whose task was never started. The databases used with Mistral in production do not have this
problem.

Runs in Mistral's own environment: `python mistral_launch.py ARGUMENTS`.
"""

from __future__ import annotations

import mistral  # noqa: F401 - chooses the threading backend of oslo.service, and has to come first
from mistral.cmd import launch
from sqlalchemy import Connection, Engine, event


@event.listens_for(Engine, "begin")
def take_turns(connection: Connection) -> None:
    """Begin before oslo.db does, which begins without a lock unless a transaction has begun already."""
    if "in_transaction" not in connection.info:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.info["in_transaction"] = True


launch.main()
