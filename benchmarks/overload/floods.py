"""Defines the floods."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from enum import StrEnum

from google.protobuf.duration_pb2 import Duration

from benchmarks.overload.pump import Flood
from vimesh.v1 import conductor_service_pb2, vim_pb2, vim_service_pb2

_STATUS_TAG = conductor_service_pb2.UpdateVimResponse.DESCRIPTOR.fields_by_name["status"].number << 3
_SERVICE = "/vimesh.v1.VimService/"


class FloodKind(StrEnum):
    REPORTS = "reports"
    """Reports that each change a status."""
    REGISTRATIONS = "registrations"
    READS = "reads"
    """Pages of 100 VIMs."""
    WATCHES = "watches"
    """Streams that are opened, and cancelled two seconds after their first message."""


def flood(kind: FloodKind, vim_ids: Sequence[str]) -> Flood:
    """Return the flood of a kind; `vim_ids` are EXTERNAL VIMs that may be reported on."""
    match kind:
        case FloodKind.REPORTS:
            return Flood("/vimesh.v1.ConductorService/UpdateVim", _reports(vim_ids), _has_status)
        case FloodKind.REGISTRATIONS:
            return Flood(_SERVICE + "RegisterVim", _registration, bool, timeout_s=15)
        case FloodKind.READS:
            request = vim_service_pb2.ListVimsRequest(page_size=100).SerializeToString()
            return Flood(_SERVICE + "ListVims", lambda _: request, bool, timeout_s=15)
        case FloodKind.WATCHES:
            return Flood(_SERVICE + "WatchVims", lambda _: b"", bool, streams=True, timeout_s=15)


def _reports(vim_ids: Sequence[str]) -> Callable[[int], bytes]:
    """An action that knows only its VIM reports with the VIM's id."""

    def report(position: int) -> bytes:
        lap, number = divmod(position, len(vim_ids))
        vim_id = vim_ids[number]
        reachable = lap % 2
        return conductor_service_pb2.UpdateVimRequest(
            vim_id=vim_id,
            action_id=vim_id,
            status=vim_pb2.Vim.REACHABLE if reachable else vim_pb2.Vim.UNREACHABLE,
            observation=lap + 1,
            reason="" if reachable else "TIMEOUT",
            age=Duration(nanos=1_000_000),
        ).SerializeToString()

    return report


def _has_status(answer: bytes) -> bool:
    """Return whether the report was recorded: neither bad_action nor refused."""
    return bool(answer) and answer[0] == _STATUS_TAG


def _registration(position: int) -> bytes:
    return vim_service_pb2.RegisterVimRequest(
        vim=vim_pb2.Vim(
            name=f"{position}-{uuid.uuid4()}",
            type="openstack",
            auth_url="http://127.0.0.1:9/",
            project_id="flood",
        ),
        engine=vim_pb2.Monitor.EXTERNAL,
    ).SerializeToString()
