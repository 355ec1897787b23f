"""Serves Tacker's VIM resource: register, show, change, list, remove."""

from __future__ import annotations

import asyncio
import uuid
from random import Random
from typing import TYPE_CHECKING, Any

import grpc
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vimesh.api.rest.callers.rest_caller import current_caller, require_rule
from vimesh.api.rest.documents.json_body import read_object
from vimesh.api.rest.documents.merge_put import merge, merge_credentials, without_repeated
from vimesh.api.rest.documents.vim_attributes import Attributes, read_change, read_registration
from vimesh.api.rest.documents.vim_document import ATTRIBUTES, plain, vim_document
from vimesh.api.rest.errors.error_answers import bad_attribute, no_such_vim
from vimesh.api.rest.lists.list_pager import ListPager
from vimesh.api.rest.lists.list_query import query_of
from vimesh.api.rest.lists.streamed_list import list_response
from vimesh.api.rest.lists.vim_pages import vim_pages
from vimesh.domain.ids import is_id
from vimesh.domain.labels.labels_in_extra import changed_labels
from vimesh.runtime.backoff import Backoff
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub

_NESTED = ("vim_project", "auth_cred", "extra")
_ATTEMPTS = 10
_MERGE_S = 45.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.3


class Vims:
    def __init__(self, stub: VimServiceAsyncStub, call_timeout_s: float, body_within_s: float, random: Random) -> None:
        self._stub = stub
        self._random = random
        self._call_timeout_s = call_timeout_s
        self._body_within_s = body_within_s

    async def list(self, request: Request) -> Response:
        require_rule("get_vims", current_caller().project)
        pager = ListPager(query_of(request, ATTRIBUTES))
        return await list_response(request, "vims", vim_pages(self._stub, pager, self._call_timeout_s), pager)

    async def register(self, request: Request) -> Response:
        attributes = read_registration(await read_object(request, self._body_within_s))
        if not (credentials := without_repeated(attributes["auth_cred"])):
            raise bad_attribute("auth_cred", "it contains no credentials")
        attributes["auth_cred"] = credentials
        caller = current_caller()
        project = attributes.pop("tenant_id", caller.project)
        require_rule("create_vim", project)
        labels = changed_labels({}, attributes.pop("labels", {}))
        vim = _filled(attributes | {"project_id": project, "labels": labels})
        # If Envoy sends the call twice, the second one returns the VIM that the first one registered.
        wanted = pb.RegisterVimRequest(vim=vim, request_id=str(uuid.uuid4()))
        call = self._stub.RegisterVim(wanted, timeout=self._call_timeout_s, metadata=caller.metadata)
        registered = (await call).vim
        return JSONResponse({"vim": vim_document(registered)}, 201)

    async def show(self, request: Request) -> Response:
        query = query_of(request, ATTRIBUTES)
        vim = await self._visible(_id_in(request))
        return JSONResponse({"vim": query.select_fields(vim_document(vim))})

    async def change(self, request: Request) -> Response:
        vim_id, attributes = _id_in(request), read_change(await read_object(request, self._body_within_s))
        await self._require("update_vim", vim_id)
        if not attributes:
            changed = await self._get(vim_id)
        elif any(name in attributes for name in _NESTED):
            # Less than Envoy's timeout for a request.
            async with asyncio.timeout(_MERGE_S):
                changed = await self._merge(vim_id, attributes)
        else:
            changed = await self._modify(vim_id, attributes, etag="")
        return JSONResponse({"vim": vim_document(changed)})

    async def remove(self, request: Request) -> Response:
        vim_id = _id_in(request)
        await self._require("delete_vim", vim_id)
        gone = pb.DeregisterVimRequest(vim_id=vim_id)
        await self._stub.DeregisterVim(gone, timeout=self._call_timeout_s, metadata=current_caller().metadata)
        return Response(status_code=204)

    async def _get(self, vim_id: str) -> Vim:
        request, metadata = pb.GetVimRequest(vim_id=vim_id), current_caller().metadata
        return (await self._stub.GetVim(request, timeout=self._call_timeout_s, metadata=metadata)).vim

    async def _visible(self, vim_id: str) -> Vim:
        """Return a VIM that Tacker's rules let the caller see. Raises RequestRefused as if there were none."""
        vim = await self._get(vim_id)
        if not current_caller().allows("get_vim", vim.project_id):
            raise no_such_vim(vim_id)
        return vim

    async def _require(self, rule: str, vim_id: str) -> None:
        """Raise RequestRefused unless a rule of Tacker lets the caller change a VIM, which has to be read for it."""
        if current_caller().rules is not None:
            require_rule(rule, (await self._visible(vim_id)).project_id)

    async def _merge(self, vim_id: str, attributes: Attributes) -> Vim:
        """Merge the given values into the stored ones. Retries if the VIM is modified concurrently."""
        pauses = Backoff(first_s=_FIRST_PAUSE_S, longest_s=_LONGEST_PAUSE_S, random=self._random)
        for attempt in range(1, _ATTEMPTS + 1):
            vim = await self._get(vim_id)
            whole = dict(attributes)
            if "auth_cred" in attributes:
                whole["auth_cred"] = merge_credentials(plain(vim.auth_cred), attributes["auth_cred"])
            for name in ("vim_project", "extra"):
                if name in attributes:
                    whole[name] = merge(plain(getattr(vim, name)), attributes[name])
            if "labels" in attributes:
                whole["labels"] = changed_labels(vim.labels, attributes["labels"])
            try:
                return await self._modify(vim_id, whole, etag=vim.etag)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.ABORTED or attempt == _ATTEMPTS:
                    raise
            await asyncio.sleep(pauses.pause_s())
        raise AssertionError("the last attempt raises")

    async def _modify(self, vim_id: str, values: Attributes, *, etag: str) -> Vim:
        request = pb.ModifyVimRequest(vim=_filled({"id": vim_id, **values}), etag=etag)
        request.update_mask.paths.extend(values)
        metadata = current_caller().metadata
        return (await self._stub.ModifyVim(request, timeout=self._call_timeout_s, metadata=metadata)).vim


def _filled(values: dict[str, Any]) -> Vim:
    vim = Vim(**{name: value for name, value in values.items() if name not in _NESTED})
    for name in _NESTED:
        if name in values:
            struct = getattr(vim, name)
            # An empty field must be present as well.
            struct.SetInParent()
            struct.update(values[name])
    return vim


def _id_in(request: Request) -> str:
    """Return the ID in the path. Raises RequestRefused if it is not a valid ID, as no VIM can have it."""
    vim_id = str(request.path_params["vim_id"]).removesuffix(".json")
    if not is_id(vim_id):
        raise no_such_vim(vim_id[:100])
    return vim_id.lower()
