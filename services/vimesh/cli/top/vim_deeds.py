"""What may be done to a VIM from the screen: which RPC each takes, and the calls."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask

from vimesh.cli.base.durations import exact, seconds
from vimesh.cli.selection.label_flags import change_of
from vimesh.client.calls.front_stubs import Front
from vimesh.v1 import access_service_pb2, vim_service_pb2
from vimesh.v1 import maintenance_service_pb2 as maintenance_pb
from vimesh.v1.vim_pb2 import ProbePolicy, Vim
from vimesh.wire.vim_messages import LABEL_PATH
from vimesh.wire.wire_durations import duration
from vimesh.wire.wire_durations import seconds as seconds_of

_CREATE_WINDOW: Final = "vimesh.v1.MaintenanceService/CreateMaintenanceWindow"
_MODIFY: Final = "vimesh.v1.VimService/ModifyVim"
_DEREGISTER: Final = "vimesh.v1.VimService/DeregisterVim"


@dataclass(frozen=True, slots=True)
class VimDeed:
    """`prompt`: what to type for it; empty: nothing."""

    key: str
    title: str
    rpc: str
    prompt: str = ""


DEREGISTER: Final = VimDeed("d", "deregister", _DEREGISTER)
SET_INTERVAL: Final = VimDeed("i", "change the probe interval", _MODIFY, "interval, such as 10s")
LABEL: Final = VimDeed("e", "set or remove labels", _MODIFY, "labels, such as region=eu owner-")
MAINTAIN: Final = VimDeed("m", "start maintenance", _CREATE_WINDOW, "how long and why, such as 2h new disks")
DEEDS: Final = (DEREGISTER, SET_INTERVAL, LABEL, MAINTAIN)


@dataclass(frozen=True, slots=True)
class VimChangePlan:
    """A deed with all that it needs, and what is asked before it is done."""

    question: str
    request: (
        vim_service_pb2.DeregisterVimRequest
        | vim_service_pb2.ModifyVimRequest
        | maintenance_pb.CreateMaintenanceWindowRequest
    )


async def permitted_rpcs(front: Front) -> Collection[str]:
    """Return the RPCs that the roles of the caller allow. Raises AioRpcError."""
    answer = await front.access.WhoAmI(access_service_pb2.WhoAmIRequest(), timeout=front.timeout_s)
    return frozenset(answer.rpcs)


async def current_vim(front: Front, vim_id: str) -> Vim:
    """Return a VIM with everything. Raises AioRpcError."""
    request = vim_service_pb2.GetVimRequest(vim_id=vim_id)
    return (await front.vims.GetVim(request, timeout=front.timeout_s)).vim


def plan(deed: VimDeed, vim: Vim, typed: str) -> VimChangePlan:
    """Prepare a deed. Raises ValueError or BadFlag if what was typed cannot be read.

    A change is made only to the VIM as it was when the question was asked.
    """
    if deed is SET_INTERVAL:
        interval_s = seconds(typed)
        before = exact(seconds_of(vim.probe_policy.interval))
        request = vim_service_pb2.ModifyVimRequest(
            vim=Vim(id=vim.id, probe_policy=ProbePolicy(interval=duration(interval_s))),
            update_mask=FieldMask(paths=["probe_policy.interval"]),
            etag=vim.etag,
        )
        return VimChangePlan(
            f"Probe {vim.name} every {exact(interval_s)} instead of every {before}? It gets a new ping action.", request
        )
    if deed is LABEL:
        words = typed.replace(",", " ").split()
        if not words:
            raise ValueError("no label to set or to remove")
        change = change_of(words, "labels")
        request = vim_service_pb2.ModifyVimRequest(
            vim=Vim(id=vim.id, labels=change.values),
            update_mask=FieldMask(paths=[f"{LABEL_PATH}{key}" for key in (*change.values, *sorted(change.removed))]),
            etag=vim.etag,
        )
        return VimChangePlan(f"Change labels of {vim.name}: {' '.join(words)}?", request)
    if deed is MAINTAIN:
        lasts, _, reason = typed.strip().partition(" ")
        lasts_s, reason = seconds(lasts), reason.strip()
        if not reason:
            raise ValueError("say why, behind the duration: it is shown with the VIM")
        window = maintenance_pb.MaintenanceWindow(
            project_id=vim.project_id, vim_ids=[vim.id], duration=duration(lasts_s), reason=reason
        )
        return VimChangePlan(
            f"Start maintenance of {vim.name} for {exact(lasts_s)}: {reason}?",
            # With the id of a request, another attempt creates no second window.
            maintenance_pb.CreateMaintenanceWindowRequest(window=window, request_id=str(uuid.uuid4())),
        )
    return VimChangePlan(
        f"Deregister {vim.name}? Its credentials are destroyed, and its probing ends.",
        vim_service_pb2.DeregisterVimRequest(vim_id=vim.id),
    )


async def carry_out(front: Front, planned: VimChangePlan) -> None:
    """Make the change. Raises AioRpcError."""
    match planned.request:
        case vim_service_pb2.DeregisterVimRequest() as request:
            await front.vims.DeregisterVim(request, timeout=front.timeout_s)
        case vim_service_pb2.ModifyVimRequest() as request:
            await front.vims.ModifyVim(request, timeout=front.timeout_s)
        case maintenance_pb.CreateMaintenanceWindowRequest() as request:
            await front.maintenance.CreateMaintenanceWindow(request, timeout=front.timeout_s)
