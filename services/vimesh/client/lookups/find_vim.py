"""Finds a VIM by its id or name."""

from __future__ import annotations

from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.find_named import find_named
from vimesh.domain.filters.filter_terms import quoted
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb


async def find(front: Front, given: str, project: str | None = None) -> vim_pb2.Vim:
    """Return the VIM with that id or name. Raises NameUnknown, NameAmbiguous."""

    async def get(vim_id: str) -> vim_pb2.Vim:
        return (await front.ask(front.vims.GetVim, pb.GetVimRequest(vim_id=vim_id))).vim

    async def list_named() -> list[vim_pb2.Vim]:
        terms = [f"name = {quoted(given)}", *([f"project_id = {quoted(project)}"] if project else [])]
        request = pb.ListVimsRequest(filter=" AND ".join(terms), page_size=1000)
        vims = (await front.ask(front.vims.ListVims, request)).vims
        # A `*` is a wildcard in the filter, but an ordinary character in a name.
        return [vim for vim in vims if vim.name == given]

    return await find_named("VIM", given, project, get=get, list_named=list_named)
