"""Makes reads see every commit at any node of a Galera cluster, not only those of the node that is asked.

A node applies the commits of its peers a little later than they do. A session that does not wait for them could miss a
VIM that another conductor has just registered, and its action would be told to stop.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from vimesh.store.dialects.server_dialect import ClusterPlace

# A node that has lost its cluster still accepts this statement and the next. Other servers do not have the variable, or
# it is OFF.
_IS_NODE = "SHOW VARIABLES WHERE Variable_name = 'wsrep_on' AND Value = 'ON'"
# 15: wait before every statement that reads or writes, SHOW included, if it starts a transaction. With dirty reads, a
# node that has lost its cluster would answer from its old data.
_WAIT = "SET SESSION wsrep_sync_wait = 15, wsrep_dirty_reads = OFF"

_NODE: Final = "vimesh_galera_node"
_NODE_ID: Final = "wsrep_gcomm_uuid"
_SIZE: Final = "wsrep_cluster_size"
_PLACE: Final = f"SHOW GLOBAL STATUS WHERE Variable_name IN ('{_NODE_ID}', '{_SIZE}')"


def read_causally(engine: AsyncEngine) -> None:
    """Make the connections of an engine for MariaDB or MySQL wait for the other nodes, if there are any."""
    event.listen(engine.sync_engine, "connect", _wait_for_others)


def is_node(connection: Connection) -> bool:
    """Return whether a connection leads to a node of a cluster."""
    return _NODE in connection.info


def cluster_place(connection: Connection) -> ClusterPlace | None:
    """Return which node of a cluster a connection leads to; None for other servers."""
    if not is_node(connection):
        return None
    status: dict[str, str] = dict(connection.exec_driver_sql(_PLACE).all())
    return ClusterPlace(status[_NODE_ID], int(status[_SIZE]))


def _wait_for_others(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute(_IS_NODE)
        if cursor.fetchone() is not None:
            cursor.execute(_WAIT)
            record.info[_NODE] = True
    finally:
        cursor.close()
