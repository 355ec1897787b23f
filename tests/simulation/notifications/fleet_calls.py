"""Calls of the runs at a fleet, whose conductors may be dead for a moment."""

from __future__ import annotations

from typing import Final

import grpc
from google.protobuf.duration_pb2 import Duration

from tests.support.deployments.conductors import Client
from tests.support.notifier.smtp_server import Mailbox
from tests.support.observability.alertmanager_server import Alertmanager
from tests.support.timing.waiting import eventually, once_available
from vimesh.rpc.list_pages import list_pages
from vimesh.v1 import receiver_service_pb2 as pb
from vimesh.v1 import vim_service_pb2
from vimesh.v1.vim_pb2 import Vim, VimEvent

CALL_S: Final = 10.0
_WITHIN_S: Final = 60.0
_LATER: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})


async def create_receiver(client: Client, name: str, **fields: object) -> pb.Receiver:
    """Create a receiver that is notified at once, and once; `fields` override that."""
    defaults: dict[str, object] = {
        "name": name,
        "group_wait": Duration(),
        "group_interval": Duration(seconds=1),
        "repeat_interval": Duration(),
        "notify_flapping": True,
    }
    receiver = pb.Receiver(**(defaults | fields))  # type: ignore[arg-type]  # fields by name
    return (await client.receivers.CreateReceiver(pb.CreateReceiverRequest(receiver=receiver), timeout=CALL_S)).receiver


def email_to(mailbox: Mailbox) -> pb.EmailTarget:
    return pb.EmailTarget(
        smtp_host="127.0.0.1",
        smtp_port=mailbox.port,
        tls=pb.EmailTarget.NONE,
        from_address="vimesh@example.com",
        to=["on-call@example.com"],
    )


def alerts_to(alertmanager: Alertmanager) -> pb.AlertmanagerTarget:
    return pb.AlertmanagerTarget(urls=[f"http://{alertmanager.address}"])


async def get_receiver(client: Client, receiver_id: str) -> pb.Receiver:
    request = pb.GetReceiverRequest(receiver_id=receiver_id)
    answer = await once_available(
        lambda: client.receivers.GetReceiver(request, timeout=CALL_S), _WITHIN_S, later=_LATER
    )
    return answer.receiver


async def until_claimed(client: Client) -> None:
    """Wait until notifiers work for all receivers."""

    async def are_claimed() -> bool:
        page = await client.receivers.ListReceivers(pb.ListReceiversRequest(), timeout=CALL_S)
        return all(receiver.notifier_id for receiver in page.receivers)

    await eventually(are_claimed, _WITHIN_S)


async def until_nothing_is_pending(client: Client, within_s: float = _WITHIN_S) -> None:
    """Wait until everything in the log at present is on record as delivered, or as nothing to notify of."""
    newest = await newest_revision(client)

    async def is_over() -> bool:
        receivers = (await client.receivers.ListReceivers(pb.ListReceiversRequest(), timeout=CALL_S)).receivers
        return all(one.revision >= newest and not one.HasField("pending_since") for one in receivers)

    await eventually(is_over, within_s)


async def list_vims(client: Client) -> list[Vim]:
    async def fetch(size: int, token: str) -> tuple[list[Vim], str]:
        request = vim_service_pb2.ListVimsRequest(page_size=size, page_token=token)
        page = await once_available(lambda: client.vims.ListVims(request, timeout=CALL_S), _WITHIN_S, later=_LATER)
        return list(page.vims), page.next_page_token

    return [vim async for page, _ in list_pages(fetch) for vim in page]


async def newest_revision(client: Client) -> int:
    """Return the revision of the newest change in the log; 0 if there is none."""
    request = vim_service_pb2.ListVimEventsRequest(page_size=1)
    page = await once_available(lambda: client.vims.ListVimEvents(request, timeout=CALL_S), _WITHIN_S, later=_LATER)
    return page.events[0].revision if page.events else 0


async def list_events(client: Client) -> list[VimEvent]:
    """Return all changes in the log, the oldest first."""

    async def fetch(size: int, token: str) -> tuple[list[VimEvent], str]:
        request = vim_service_pb2.ListVimEventsRequest(page_size=size, page_token=token)
        page = await once_available(lambda: client.vims.ListVimEvents(request, timeout=CALL_S), _WITHIN_S, later=_LATER)
        return list(page.events), page.next_page_token

    events = [event async for page, _ in list_pages(fetch) for event in page]
    return events[::-1]
