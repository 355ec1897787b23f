"""Finds a VIM by its id or name."""

from __future__ import annotations

import grpc

from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.client.front import Front
from vimesh.domain.filters.filter_terms import quoted
from vimesh.domain.ids import is_id
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb


async def find(front: Front, given: str, project: str | None = None) -> vim_pb2.Vim:
    """Return the VIM with that id or name. Raises Failure if there is none or more than one."""
    if is_id(given):
        try:
            answer = await front.vims.GetVim(pb.GetVimRequest(vim_id=given.lower()), timeout=front.timeout_s)
        except grpc.aio.AioRpcError as error:
            # It may be a name that looks like an id, which is allowed.
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
        else:
            return answer.vim
    found = await _named(front, given, project)
    if not found:
        where = f" in project {project}" if project else ""
        raise Failure(
            f"no VIM has the id or name {given}{where} (VIM_NOT_FOUND)",
            code=ExitCode.NOT_FOUND,
            hint="vimesh vim list shows all VIMs",
        )
    if len(found) > 1:
        raise Failure(
            f"{len(found)} VIMs are named {given}",
            details=[f"{vim.id} in project {vim.project_id}" for vim in found],
            hint="specify the id, or use --project",
        )
    return found[0]


async def _named(front: Front, name: str, project: str | None) -> list[vim_pb2.Vim]:
    terms = [f"name = {quoted(name)}", *([f"project_id = {quoted(project)}"] if project else [])]
    request = pb.ListVimsRequest(filter=" AND ".join(terms), page_size=1000)
    found = (await front.vims.ListVims(request, timeout=front.timeout_s)).vims
    # A `*` is a wildcard in the filter, but an ordinary character in a name.
    return [vim for vim in found if vim.name == name]
