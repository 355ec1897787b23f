"""Looks up and registers VIMs for an import, with retries."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from vimesh.cli.client.front import Front
from vimesh.cli.client.repeat_calls import Retrying
from vimesh.domain.queries import quoted
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim


class ExistingVims:
    """All calls raise AioRpcError."""

    def __init__(self, front: Front, patience: Retrying) -> None:
        self._front = front
        self._patience = patience

    async def vim(self, vim_id: str) -> Vim | None:
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

    async def holder_of_name(self, project_id: str, name: str) -> Vim | None:
        found = await self._listed(f"project_id = {quoted(project_id)} AND name = {quoted(name)}")
        # A `*` is a wildcard in the filter, but an ordinary character in a name.
        return next((vim for vim in found if vim.name == name), None)

    async def default_of(self, project_id: str) -> Vim | None:
        found = await self._listed(f"project_id = {quoted(project_id)} AND is_default = true")
        return found[0] if found else None

    async def _listed(self, filter_: str) -> list[Vim]:
        request = pb.ListVimsRequest(filter=filter_, page_size=1000)
        answer = await self._patience.repeated(
            lambda: self._front.vims.ListVims(request, timeout=self._front.timeout_s)
        )
        return list(answer.vims)

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
