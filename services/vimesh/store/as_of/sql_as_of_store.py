"""Implements AsOfStore on a SQL database."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection

from vimesh.domain.queries import VimPage, VimQuery
from vimesh.store.as_of.list_past_vims import past_page
from vimesh.store.as_of.point_in_time import find_point
from vimesh.store.transactions.database import Database


class SqlAsOfStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_vims(self, query: VimQuery, time: dt.datetime) -> VimPage:
        def read(connection: Connection) -> VimPage:
            return past_page(connection, query, find_point(connection, time))

        return await self._database.browse(read)
