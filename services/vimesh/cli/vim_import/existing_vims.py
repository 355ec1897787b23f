"""Looks up and registers VIMs for an import, with retries."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from vimesh.cli.vim_import.vim_keys import VimKey
from vimesh.client.calls.front_stubs import Front
from vimesh.client.calls.repeat_calls import Retrying
from vimesh.domain.filters.filter_terms import quoted
from vimesh.domain.vims import Registration
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim


class ExistingVims:
    """All calls raise AioRpcError."""

    def __init__(self, front: Front, patience: Retrying) -> None:
        self._front = front
        self._patience = patience

    async def conflict(self, wanted: Registration) -> tuple[VimKey, Vim] | None:
        """Return the first key because of which RegisterVim would refuse this VIM, and the VIM that has it."""
        for key in VimKey:
            if (holder := await self.holder(key, wanted)) is not None:
                return key, holder
        return None

    async def holder(self, key: VimKey, wanted: Registration) -> Vim | None:
        """Return the VIM that has the id, the name or the default that is asked for; None if nothing is."""
        project = f"project_id = {quoted(wanted.project_id)}"
        match key:
            case VimKey.ID:
                return await self._vim(wanted.vim_id) if wanted.vim_id else None
            case VimKey.NAME:
                vims = await self._vims(f"{project} AND name = {quoted(wanted.name)}")
                # A `*` is a wildcard in the filter, but an ordinary character in a name.
                return next((vim for vim in vims if vim.name == wanted.name), None)
            case VimKey.DEFAULT:
                vims = await self._vims(f"{project} AND is_default = true") if wanted.is_default else []
                return next(iter(vims), None)

    async def _vim(self, vim_id: str) -> Vim | None:
        request = pb.GetVimRequest(vim_id=vim_id)
        try:
            answer = await self._patience.repeated(
                lambda: self._front.vims.GetVim(request, timeout=self._front.timeout_s)
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise
        return answer.vim

    async def _vims(self, filter_: str) -> Sequence[Vim]:
        request = pb.ListVimsRequest(filter=filter_, page_size=1000)
        answer = await self._patience.repeated(
            lambda: self._front.vims.ListVims(request, timeout=self._front.timeout_s)
        )
        return answer.vims

    async def register(self, request: pb.RegisterVimRequest) -> Vim:
        """Register a VIM. If an earlier attempt succeeded but its answer was lost, returns the VIM that it created."""
        answer = await self._patience.repeated(
            lambda: self._front.vims.RegisterVim(request, timeout=self._front.timeout_s)
        )
        return answer.vim

    async def register_many(self, requests: Sequence[pb.RegisterVimRequest]) -> Sequence[pb.RegisterVimResult]:
        """Register VIMs, each with a request id. If earlier attempts succeeded unnoticed, returns what they created."""
        request = pb.RegisterVimsRequest(requests=requests)
        answer = await self._patience.repeated(
            lambda: self._front.vims.RegisterVims(request, timeout=self._front.timeout_s)
        )
        return answer.results
