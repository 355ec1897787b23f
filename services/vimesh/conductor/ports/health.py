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

_log = structlog.get_logger()

BEAT_S = 0.25
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
        self._said: bool | None = None

    async def beat(self) -> Never:
        """Record at intervals that the loop is running. Runs until cancelled."""
        while True:
            self._vitals.beat()
            await asyncio.sleep(BEAT_S)

    async def run(self) -> Never:
        """Check the database at intervals. Runs until cancelled."""
        while True:
            try:
                self._vitals.database_works = await self._asked()
            except Exception:
                # A conductor that cannot determine its own health must not receive calls.
                self._vitals.database_works = False
                await self._tell()
                raise
            await self._tell()
            await asyncio.sleep(_CHECK_EVERY_S)

    async def drain(self) -> None:
        """Report NOT_SERVING from now on."""
        self._vitals.draining = True
        await self._tell()

    async def _asked(self) -> bool:
        """Check the database once; return whether it can be read and written."""
        asking = asyncio.ensure_future(self._look())
        try:
            for _ in range(_CHECK_WITHIN_BEATS):
                done, _ = await asyncio.wait([asking], timeout=BEAT_S)
                if done:
                    break
            else:
                return self._missed("no answer in time")
            asking.result()
        except Overloaded:
            # A full queue proves nothing about the database itself.
            return self._vitals.database_works
        except VimeshError as error:
            return self._missed(str(error), error.__cause__)
        finally:
            asking.cancel()
        return True

    async def _look(self) -> None:
        await self._store.span()
        await self._store.require_writable()

    def _missed(self, why: str, cause: BaseException | None = None) -> bool:
        if self._said is not False:
            _log.warning("the database cannot be used", error=why, cause=repr(cause))
        return False

    async def _tell(self) -> None:
        self._vitals.beat()  # reaching this line proves that the loop runs, however long it was blocked before
        serving = self._vitals.serving
        if serving is self._said:
            return
        self._said = serving
        status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        for service in self._services:
            await self._servicer.set(service, status)
        _log.info("health", serving=serving)
