"""Reads names and labels of a fleet, and keeps them for the completion of words."""

from __future__ import annotations

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.exits import Failure
from vimesh.client.base_error import ClientError
from vimesh.client.calls.front_stubs import Front, connected
from vimesh.client.credentials.profiles import profiles_folder, read_profiles
from vimesh.domain.errors import BadSetting, VimeshError
from vimesh.domain.settings import BadFlag
from vimesh.v1.receiver_service_pb2 import ListReceiversRequest
from vimesh.v1.vim_service_pb2 import ListVimsRequest

_PAGE: Final = 1000
_MAX_VIMS: Final = 10_000
_MAX_RECEIVERS: Final = 1000
_MAX_VALUES: Final = 200
"""Values that are kept of a label, such as a serial number."""
_LIMIT_S: Final = 10.0
_EXPECTED: Final = (grpc.aio.AioRpcError, ClientError, VimeshError, BadSetting, BadFlag, Failure, TimeoutError, OSError)


def fetch_answers(place: str, flags: Sequence[str]) -> None:
    """Write what there is to know of the fleet that flags and settings mean; nothing of one that does not answer."""
    given = dict(flag.removeprefix("--").split("=", 1) for flag in flags)
    answers: dict[str, Any] = {}
    try:
        answers["profiles"] = sorted(read_profiles(profiles_folder(os.environ)).by_name)
        settings = client_settings(
            Path(given["config"]) if "config" in given else None,
            profile=given.get("profile", given.get("context")),
            address=given.get("address"),
            credentials=given.get("credentials"),
            call_timeout=None,
            output=None,
        )

        async def fetch() -> None:
            async with (
                asyncio.timeout(_LIMIT_S),
                connected(settings.address, _LIMIT_S, settings.credentials) as front,
            ):
                answers.update(await _vims(front))
                answers["receivers"] = await _receivers(front)

        asyncio.run(fetch())
    except _EXPECTED:
        if Path(place).exists():
            return  # what was read before serves on
    # Also if there is nothing, so that the next word does not wait.
    _keep(Path(place), answers)


async def _vims(front: Front) -> dict[str, Any]:
    names: list[str] = []
    labels: defaultdict[str, set[str]] = defaultdict(set)
    projects: set[str] = set()
    request = ListVimsRequest(
        order_by="name", page_size=_PAGE, read_mask=FieldMask(paths=["name", "labels", "project_id"])
    )
    while len(names) < _MAX_VIMS:
        page = await front.vims.ListVims(request, timeout=front.timeout_s)
        for vim in page.vims:
            names.append(vim.name)
            projects.add(vim.project_id)
            for key, value in vim.labels.items():
                if len(labels[key]) < _MAX_VALUES:
                    labels[key].add(value)
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    return {
        "vims": sorted(set(names)),
        "projects": sorted(projects),
        "labels": {key: sorted(labels[key]) for key in sorted(labels)},
    }


async def _receivers(front: Front) -> list[str]:
    page = await front.receivers.ListReceivers(ListReceiversRequest(page_size=_MAX_RECEIVERS), timeout=front.timeout_s)
    return sorted({receiver.name for receiver in page.receivers})


def _keep(place: Path, answers: dict[str, Any]) -> None:
    new = place.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(answers, file, ensure_ascii=False)
    new.replace(place)
