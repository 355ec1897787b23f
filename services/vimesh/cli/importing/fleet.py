"""What the import asks of the fleet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

import grpc

from vimesh.cli.exits import ExitCode
from vimesh.cli.vim.failures import failure
from vimesh.cli.vim.front import Front
from vimesh.domain.backoff import Backoff
from vimesh.domain.queries import quoted
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim

_T = TypeVar("_T")

_ATTEMPTS = 4
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 2.0


class Fleet:
    """Calls raise AioRpcError."""

    def __init__(self, front: Front, random: Random) -> None:
        self._front = front
        self._random = random

    async def vim(self, vim_id: str) -> Vim | None:
        request = pb.GetVimRequest(vim_id=vim_id)
        try:
            answer = await self._repeated(lambda: self._front.vims.GetVim(request, timeout=self._front.timeout_s))
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise
        return answer.vim

    async def holder_of_name(self, project_id: str, name: str) -> Vim | None:
        found = await self._listed(f"project_id = {quoted(project_id)} AND name = {quoted(name)}")
        # A `*` in the filter stands for any text; in a name it is only itself.
        return next((vim for vim in found if vim.name == name), None)

    async def default_of(self, project_id: str) -> Vim | None:
        found = await self._listed(f"project_id = {quoted(project_id)} AND is_default = true")
        return found[0] if found else None

    async def _listed(self, filter_: str) -> list[Vim]:
        request = pb.ListVimsRequest(filter=filter_, page_size=1000)
        answer = await self._repeated(lambda: self._front.vims.ListVims(request, timeout=self._front.timeout_s))
        return list(answer.vims)

    async def register(self, request: pb.RegisterVimRequest) -> Vim:
        """Register a VIM; one that went through, unheard, is answered with the VIM that it made."""
        answer = await self._repeated(lambda: self._front.vims.RegisterVim(request, timeout=self._front.timeout_s))
        return answer.vim

    async def _repeated(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Make a call that is safe to repeat, a few times if nothing is heard."""
        pauses = Backoff(first_s=_FIRST_PAUSE_S, longest_s=_LONGEST_PAUSE_S, random=self._random)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await call()
            except grpc.aio.AioRpcError as error:
                if attempt == _ATTEMPTS or failure(error, self._front.address).code is not ExitCode.UNAVAILABLE:
                    raise
            await asyncio.sleep(pauses.pause_s())
        raise AssertionError("the last attempt raises")
