"""Makes sure that nobody uses the database of a server, before a backup takes its place."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from vimesh.domain.errors import StoreUnavailable
from vimesh.store.dialects.backup_errors import BackupRefused
from vimesh.store.dialects.server_dialect import DatabaseServer
from vimesh.store.upgrade.server_upgrade import connected

_NODE_S: Final = 20.0


async def require_unused(connection: AsyncConnection, server: DatabaseServer) -> None:
    """Raise BackupRefused if others are connected to the database: in a cluster, at any of its nodes."""
    count = await _other_sessions(connection, server)
    if place := await connection.run_sync(server.dialect.cluster_place):
        asked = {place.node}
        for node in server.by_address():
            count += await _sessions_at(node, asked)
        if len(asked) < place.size:
            raise BackupRefused(
                f"the cluster has {place.size} nodes, and the URL leads to {len(asked)} of them: conductors may be "
                "connected to another one, and nothing was changed",
                "name all nodes in the URL, with commas between them",
            )
    if count:
        raise BackupRefused(
            f"{count} other connections use the database, and nothing was changed",
            "stop the conductors and whatever else is connected to it",
        )


async def _sessions_at(node: DatabaseServer, asked: set[str]) -> int:
    """Count the other connections at a node, unless it is one of those that were asked; then it is one of them."""
    try:
        async with connected(node, _NODE_S) as connection:
            place = await connection.run_sync(node.dialect.cluster_place)
            if place is None or place.node in asked:
                return 0
            asked.add(place.node)
            return await _other_sessions(connection, node)
    except StoreUnavailable:
        # Away, or without its cluster: if it is still a node of ours, it is missing among those that were asked.
        return 0


async def _other_sessions(connection: AsyncConnection, server: DatabaseServer) -> int:
    return int((await connection.execute(text(server.dialect.other_sessions))).scalar_one())
