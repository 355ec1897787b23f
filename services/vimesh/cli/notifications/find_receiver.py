"""Finds a receiver by its id or name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.answer_pages import fetch_all
from vimesh.client.lookups.find_named import find_named
from vimesh.v1 import receiver_service_pb2 as pb

ReceiverArgument = Annotated[
    str, typer.Argument(metavar="RECEIVER", help="ID or name of the receiver.", show_default=False)
]
ReceiverProject = Annotated[
    str | None, typer.Option("--project", metavar="ID", help="Project in which to look up a name.")
]


async def find_receiver(front: Front, given: str, project: str | None = None) -> pb.Receiver:
    """Return the receiver with that id or name. Raises NameUnknown, NameAmbiguous."""

    async def get(receiver_id: str) -> pb.Receiver:
        request = pb.GetReceiverRequest(receiver_id=receiver_id)
        return (await front.receivers.GetReceiver(request, timeout=front.timeout_s)).receiver

    async def list_named() -> list[pb.Receiver]:
        return [
            receiver
            for receiver in await fetch_receivers(front)
            if receiver.name == given and (project is None or receiver.project_id == project)
        ]

    return await find_named("receiver", given, project, get=get, list_named=list_named)


async def fetch_receivers(front: Front) -> list[pb.Receiver]:
    """Return all receivers that exist for the caller."""

    async def fetch(size: int, token: str) -> tuple[Sequence[pb.Receiver], str]:
        request = pb.ListReceiversRequest(page_size=size, page_token=token)
        page = await front.receivers.ListReceivers(request, timeout=front.timeout_s)
        return page.receivers, page.next_page_token

    return await fetch_all(fetch, None)
