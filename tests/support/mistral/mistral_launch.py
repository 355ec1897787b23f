"""mistral-server, whose processes take turns at a file of SQLite.

As it comes, it gives up at once where two processes read first and write later; not all of that is tried again, and
executions stay RUNNING whose task was never started. Databases that Mistral is deployed with have no such trouble.

Runs in Mistral's own environment: `python mistral_launch.py ARGUMENTS`.
"""

from __future__ import annotations

import mistral  # noqa: F401 - chooses the threading backend of oslo.service, and has to come first
from mistral.cmd import launch
from sqlalchemy import Connection, Engine, event


@event.listens_for(Engine, "begin")
def take_turns(connection: Connection) -> None:
    """Come before oslo.db, which begins without a lock where nobody has begun yet."""
    if "in_transaction" not in connection.info:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.info["in_transaction"] = True


launch.main()
