"""What the balancer is told: serve only while the database answers, and not while draining."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Never

import structlog
from grpc_health.v1._async import HealthServicer
from grpc_health.v1.health_pb2 import HealthCheckResponse

from vimesh.domain.errors import VimeshError
from vimesh.domain.ports import VimStore

_log = structlog.get_logger()

_CHECK_EVERY_S = 1.0
_CHECK_WITHIN_S = 2.0


class Health:
    def __init__(self, store: VimStore, servicer: HealthServicer, services: Sequence[str]) -> None:
        self._store = store
        self._servicer = servicer
        self._services = services
        self._serving: bool | None = None
        self._draining = False

    async def run(self) -> Never:
        """Ask the database again and again. Runs until cancelled."""
        while True:
            try:
                serving = await self._answers()
            except Exception:
                # A conductor that cannot say how it is must not be sent calls.
                await self._say(serving=False)
                raise
            await self._say(serving=serving)
            await asyncio.sleep(_CHECK_EVERY_S)

    async def drain(self) -> None:
        """Say NOT_SERVING from now on."""
        self._draining = True
        await self._say(serving=False)

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(_CHECK_WITHIN_S):
                await self._store.span()
        except (VimeshError, TimeoutError) as error:
            if self._serving is not False:
                _log.warning("the database does not answer", error=str(error), cause=repr(error.__cause__))
            return False
        return True

    async def _say(self, *, serving: bool) -> None:
        serving = serving and not self._draining
        if serving is self._serving:
            return
        self._serving = serving
        status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        for service in self._services:
            await self._servicer.set(service, status)
        _log.info("health", serving=serving)
