"""vimesh notification list and show: print notifications on record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import ROWS, Output
from vimesh.cli.lists import list_flags
from vimesh.cli.lists.list_flags import ListChoice
from vimesh.cli.lists.print_lists import print_item, print_items
from vimesh.cli.notifications.find_receiver import (
    ReceiverProject,
    fetch_receivers,
    find_receiver,
)
from vimesh.cli.output import documents, text_tables
from vimesh.cli.output.table_columns import ResourceTable, TableColumn, Visibility
from vimesh.cli.output.vim_columns import moment
from vimesh.client.calls.front_stubs import Front
from vimesh.client.enum_names import name_of
from vimesh.client.lookups.answer_pages import fetch_all
from vimesh.domain.notifications.notifications import NotificationState
from vimesh.domain.settings import BadFlag, one_of
from vimesh.v1 import receiver_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim

_STATE_FLAG: Final = "--state"
_NOTIFICATIONS: Final = ResourceTable[pb.Notification](
    columns=(
        TableColumn("ID", lambda notification: notification.id),
        TableColumn("STATE", lambda notification: name_of(pb.Notification.State, notification.state)),
        TableColumn("KIND", lambda notification: name_of(pb.Notification.Kind, notification.kind)),
        TableColumn("TIME", lambda notification: moment(notification.create_time)),
        TableColumn("VIMS", lambda one: str(one.vim_count), value=lambda one: one.vim_count),
        TableColumn("ATTEMPTS", lambda one: str(one.attempts), value=lambda one: one.attempts),
        TableColumn("ERROR", lambda notification: notification.error),
        TableColumn("RECEIVER", lambda notification: notification.receiver_id, Visibility.WIDE),
    ),
    name=lambda notification: notification.id,
)
_CHANGES: Final = ResourceTable[pb.NotificationChange](
    columns=(
        TableColumn("TIME", lambda change: moment(change.time)),
        TableColumn("KIND", lambda change: name_of(pb.NotificationChange.Kind, change.kind)),
        TableColumn("NAME", lambda change: change.vim_name),
        TableColumn("STATUS", lambda change: name_of(Vim.Status, change.status)),
        TableColumn("REASON", lambda change: change.reason),
        TableColumn("DETAIL", lambda change: change.detail),
    ),
    name=lambda change: change.vim_name,
)


def list_notifications(  # noqa: PLR0913 - one parameter per flag
    receiver: Annotated[
        str | None,
        typer.Argument(metavar="[RECEIVER]", help="ID or name of the receiver (default: all).", show_default=False),
    ] = None,
    *,
    state: Annotated[
        list[str] | None,
        typer.Option(
            _STATE_FLAG,
            metavar="queued|delivered|dead",
            help="Only those in this state; may be given several times (default: all).",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Maximum number of them, for each receiver.")
    ] = None,
    project: ReceiverProject = None,
    columns: list_flags.Columns = None,
    no_headers: list_flags.NoHeaders = False,
    sort_by: list_flags.SortBy = None,
    output: client_flags.RowsOutput = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """List notifications on record, the newest first: dead ones, tests, and those to be sent again.

    What is delivered at once leaves no record.
    """
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=ROWS,
    )
    choice = list_flags.list_choice(
        settings.output, _NOTIFICATIONS, columns=columns, no_headers=no_headers, sort_by=sort_by
    )
    states = [_state(text) for text in state or ()]

    async def fetch_every(front: Front) -> list[pb.Notification]:
        if receiver is None:
            of = [one for one in await fetch_receivers(front) if project is None or one.project_id == project]
        else:
            of = [await find_receiver(front, receiver, project)]
        return [
            notification for each in of for notification in await _fetch_notifications(front, each.id, states, limit)
        ]

    print_items(_NOTIFICATIONS, run(settings, fetch_every), choice)


def show(  # noqa: PLR0913 - one parameter per flag
    notification: Annotated[str, typer.Argument(metavar="ID", help="ID of the notification.", show_default=False)],
    *,
    output: client_flags.RowsOutput = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Show a notification with up to 100 of its changes."""
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=ROWS,
    )

    async def fetch(front: Front) -> pb.Notification:
        request = pb.GetNotificationRequest(notification_id=notification)
        return (await front.receivers.GetNotification(request, timeout=front.timeout_s)).notification

    found = run(settings, fetch)
    if print_item(_NOTIFICATIONS, found, settings.output):
        return
    content = documents.document(found)
    if settings.output is not Output.TABLE:
        documents.write(settings.output, content)
        return
    del content["changes"]
    text_tables.write(("FIELD", "VALUE"), [(field, str(value)) for field, value in content.items()])
    typer.echo()
    print_items(_CHANGES, found.changes, ListChoice(settings.output))


async def _fetch_notifications(
    front: Front, receiver_id: str, states: Sequence[pb.Notification.State.ValueType], limit: int | None
) -> list[pb.Notification]:
    async def fetch(size: int, token: str) -> tuple[Sequence[pb.Notification], str]:
        request = pb.ListNotificationsRequest(receiver_id=receiver_id, states=states, page_size=size, page_token=token)
        page = await front.receivers.ListNotifications(request, timeout=front.timeout_s)
        return page.notifications, page.next_page_token

    return await fetch_all(fetch, limit)


def _state(text: str) -> pb.Notification.State.ValueType:
    """Raises BadFlag."""
    try:
        return pb.Notification.State.Value(one_of(NotificationState)(text))
    except ValueError as error:
        raise BadFlag(_STATE_FLAG, str(error)) from None
