"""Serves AccessService: who the caller is, and how much its projects may have."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import grpc

from vimesh.domain.access.quotas import ProjectQuota
from vimesh.domain.vim_store import VimStore
from vimesh.rpc.call_entrance import current_caller
from vimesh.rpc.rpc_table import rpcs_of
from vimesh.v1 import access_service_pb2 as pb
from vimesh.v1.access_service_pb2_grpc import AccessServiceServicer
from vimesh.wire.vim_messages import DEFAULT_PROJECT

_Context = grpc.aio.ServicerContext[Any, Any]


class AccessServicer(AccessServiceServicer):
    def __init__(self, store: VimStore) -> None:
        self._store = store
        self._version = version("vimesh")

    async def WhoAmI(self, request: pb.WhoAmIRequest, context: _Context) -> pb.WhoAmIResponse:
        caller = current_caller()
        return pb.WhoAmIResponse(
            identity=caller.identity,
            roles=sorted(caller.roles),
            projects=sorted(caller.projects or ()),
            all_projects=caller.projects is None,
            engines=sorted(caller.engines),
            rpcs=rpcs_of(caller.roles),
            version=self._version,
        )

    async def GetQuota(self, request: pb.GetQuotaRequest, context: _Context) -> pb.GetQuotaResponse:
        caller = current_caller()
        project_id = request.project_id or caller.only_project or DEFAULT_PROJECT
        caller.require_project(project_id)
        return pb.GetQuotaResponse(quota=_quota_message(await self._store.quotas.project_quota(project_id)))


def _quota_message(quota: ProjectQuota) -> pb.Quota:
    limits, usage = quota.limits, quota.usage
    return pb.Quota(
        project_id=quota.project_id,
        vims=pb.QuotaUsage(limit=limits.vims, used=usage.vims),
        event_bytes=pb.QuotaUsage(limit=limits.event_bytes, used=usage.event_bytes),
        changes_per_s=pb.QuotaUsage(limit=limits.changes_per_s, used=usage.changes_in_last_s),
    )
