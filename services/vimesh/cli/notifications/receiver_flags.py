"""Defines the flags that set the fields of a receiver: they override its file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vimesh.cli.notifications.receiver_fields import (
    CA_FLAG,
    FILE_FLAG,
    SECRET_FLAG,
    add_authorities,
    add_secrets,
    fields_of_file,
)
from vimesh.cli.selection import label_flags

File = Annotated[
    Path | None,
    typer.Option(
        FILE_FLAG,
        "-f",
        metavar="FILE",
        help="Fields of the receiver in YAML or JSON, by their names in the API; -: standard input. Flags override it.",
    ),
]
Secret = Annotated[
    list[str] | None,
    typer.Option(
        SECRET_FLAG,
        metavar="FIELD=FILE",
        help="Secret of the target that is in a file, such as bearer_token=token.txt; may be given several times.",
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        CA_FLAG,
        metavar="FILE",
        help="Certificates in PEM of the authorities that sign the certificate of the target (default: those of the "
        "notifier's system).",
    ),
]
Filter = Annotated[
    str,
    typer.Option(
        "--filter", metavar="TERMS", help="""VIMs to be notified of, such as 'name = "lab*"' (default: all)."""
    ),
]
Selector = label_flags.Selector
Alertmanager = Annotated[
    list[str] | None,
    typer.Option(
        "--alertmanager", metavar="URL", help="Notify an Alertmanager; may be given once for each of a cluster."
    ),
]
CloudEvents = Annotated[str, typer.Option("--cloud-events", metavar="URL", help="Post CloudEvents to a URL.")]
Tacker = Annotated[str, typer.Option("--tacker", metavar="URL", help="Post fault notifications for Tacker to a URL.")]
FaultManagement = Annotated[
    str, typer.Option("--fault-management", metavar="URL", help="Post alarms after ETSI SOL003 to a URL.")
]
GroupBy = Annotated[
    list[str] | None,
    typer.Option(
        "--group-by",
        metavar="FIELD",
        help="What VIMs in one notification have in common: reason, project_id, type, cause, labels.KEY; may be given "
        "several times (default: reason).",
    ),
]
GroupWait = Annotated[
    str | None,
    typer.Option(
        "--group-wait", metavar="DURATION", help="How long to wait for more VIMs of a new group (default: 15s)."
    ),
]
GroupInterval = Annotated[
    str | None,
    typer.Option(
        "--group-interval", metavar="DURATION", help="Shortest time between notifications of a group (default: 60s)."
    ),
]
RepeatInterval = Annotated[
    str | None,
    typer.Option(
        "--repeat-interval",
        metavar="DURATION",
        help="When to notify again of what lasts; 0: never (default: 4h; Alertmanager: 60s).",
    ),
]


def fields_of(  # noqa: PLR0913 - one parameter per flag
    *,
    file: Path | None,
    secret: list[str] | None,
    ca_file: Path | None,
    name: str | None,
    filter_: str,
    selector: str,
    alertmanager: list[str] | None,
    cloud_events: str,
    tacker: str,
    fault_management: str,
    group_by: list[str] | None,
    group_wait: str | None,
    group_interval: str | None,
    repeat_interval: str | None,
) -> dict[str, Any]:
    """Return the fields that the file and the flags give. Raises BadFlag, BadSetting."""
    fields = {} if file is None else fields_of_file(file)
    given: dict[str, Any] = {
        "name": name,
        "filter": label_flags.selected(selector, filter_) or None,
        "group_by": group_by or None,
        "group_wait": group_wait,
        "group_interval": group_interval,
        "repeat_interval": repeat_interval,
        "alertmanager": {"urls": alertmanager} if alertmanager else None,
        "cloud_events": {"url": cloud_events} if cloud_events else None,
        "tacker": {"url": tacker} if tacker else None,
        "fault_management": {"url": fault_management} if fault_management else None,
    }
    fields |= {key: value for key, value in given.items() if value is not None}
    add_secrets(fields, secret or ())
    if ca_file is not None:
        add_authorities(fields, ca_file)
    return fields
