"""Reports health to the balancer: serving while the database takes writes and the loop runs, unless draining."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Never

import structlog
from grpc_health.v1._async import HealthServicer
from grpc_health.v1.health_pb2 import HealthCheckResponse

from vimesh.conductor.ports.vitals import Vitals
from vimesh.domain.errors import Overloaded, VimeshError
from vimesh.domain.vim_store import VimStore
from vimesh.rpc.ports.loop_vitals import BEAT_S

_log = structlog.get_logger()

_CHECK_EVERY_S = 1.0
_CHECK_WITHIN_BEATS = 8
"""Timeout of a check, in beats rather than seconds: a blocked loop cannot read an answer that has already arrived."""


class Health:
    """Updates the vitals, and publishes them to the health service of the main port."""

    def __init__(self, store: VimStore, vitals: Vitals, servicer: HealthServicer, services: Sequence[str]) -> None:
        self._store = store
        self._vitals = vitals
        self._servicer = servicer
        self._services = services
        self._published_serving: bool | None = None

    async def beat(self) -> Never:
        """Record at intervals that the loop is running. Runs until cancelled."""
        while True:
            self._vitals.beat()
            await asyncio.sleep(BEAT_S)

    async def run(self) -> Never:
        """Check the database at intervals. Runs until cancelled."""
        while True:
            try:
                self._vitals.database_works = await self._check_database()
            except Exception:
                # A conductor that cannot determine its own health must not receive calls.
                self._vitals.database_works = False
                await self._publish()
                raise
            await self._publish()
            await asyncio.sleep(_CHECK_EVERY_S)

    async def drain(self) -> None:
        """Report NOT_SERVING from now on."""
        self._vitals.draining = True
        await self._publish()

    async def _check_database(self) -> bool:
        """Check the database once; return whether it can be read and written."""
        query = asyncio.ensure_future(self._query_database())
        try:
            for _ in range(_CHECK_WITHIN_BEATS):
                done, _ = await asyncio.wait([query], timeout=BEAT_S)
                if done:
                    break
            else:
                return self._note_failure("no answer in time")
            query.result()
        except Overloaded:
            # A full queue proves nothing about the database itself.
            return self._vitals.database_works
        except VimeshError as error:
            return self._note_failure(str(error), error.__cause__)
        finally:
            query.cancel()
        return True

    async def _query_database(self) -> None:
        await self._store.span()
        await self._store.require_writable()

    def _note_failure(self, why: str, cause: BaseException | None = None) -> bool:
        if self._published_serving is not False:
            _log.warning("the database cannot be used", error=why, cause=repr(cause))
        return False

    async def _publish(self) -> None:
        self._vitals.beat()  # reaching this line proves that the loop runs, however long it was blocked before
        serving = self._vitals.serving
        if serving is self._published_serving:
            return
        self._published_serving = serving
        status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        for service in self._services:
            await self._servicer.set(service, status)
        _log.info("health changed", serving=serving)
