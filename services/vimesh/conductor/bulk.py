"""RegisterVims: many registrations in one call, each judged alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from vimesh.conductor import from_wire, to_wire
from vimesh.conductor.engines import Engines
from vimesh.domain.errors import VimeshError
from vimesh.domain.ports import VimStore
from vimesh.domain.vims import Registration
from vimesh.rpc.validation import Rules
from vimesh.v1 import vim_service_pb2 as pb

_AT_ONCE = 20
"""Requests that are read in one go: a few milliseconds, for which other calls wait."""
_FULLY_JUDGED = 20
"""Refusals of one call that name all broken fields: each name takes 30 us. Later refusals name the first field only."""


class BulkRegistrar:
    def __init__(self, store: VimStore, rules: Rules, engines: Engines) -> None:
        self._store = store
        self._rules = rules
        self._engines = engines

    async def register(self, requests: Sequence[pb.RegisterVimRequest]) -> list[pb.RegisterVimResult]:
        """Return what became of each, in their order. Raises StoreUnavailable, Overloaded."""
        read: list[Registration | VimeshError] = []
        for first in range(0, len(requests), _AT_ONCE):
            refused = sum(isinstance(one, VimeshError) for one in read)
            first_only = refused >= _FULLY_JUDGED
            read += [self._read(request, first_only=first_only) for request in requests[first : first + _AT_ONCE]]
            await asyncio.sleep(0)
        fit = [one for one in read if isinstance(one, Registration)]
        stored = iter(await self._store.register_many(fit) if fit else ())
        return [to_wire.result_message(next(stored) if isinstance(one, Registration) else one) for one in read]

    def _read(self, request: pb.RegisterVimRequest, *, first_only: bool) -> Registration | VimeshError:
        try:
            self._rules.check(request, first_only=first_only)
            registration = from_wire.registration(request, self._engines.default)
            self._engines.require(registration.engine)
        except VimeshError as error:
            return error.with_traceback(None)
        return registration
