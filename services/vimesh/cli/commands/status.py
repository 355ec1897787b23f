"""Shows the fleet at one look, and tells scripts by the exit code whether it is healthy."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
import time
from dataclasses import dataclass
from typing import Annotated, Any, Final

import grpc
import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import ClientSettings, client_settings
from vimesh.cli.base.durations import brief
from vimesh.cli.base.exits import ExitCode
from vimesh.cli.client.explain_failures import failure_line
from vimesh.cli.client.front import run
from vimesh.cli.client.front_certificate import certificate_end
from vimesh.cli.formats.output_formats import DOCUMENTS, FEED, Output
from vimesh.cli.output import documents, fleet_tables
from vimesh.client.calls.front_stubs import Front
from vimesh.v1 import fleet_service_pb2 as pb

LOOK_EVERY_S: Final = 5.0
ENDS_SOON: Final = dt.timedelta(days=7)
"""Certificates are renewed when a third of their time is left: one that is this near to its end was forgotten."""
_CLEAR: Final = "\x1b[H\x1b[2J"

EPILOG: Final = """\b
Exit codes:
  0  the fleet is healthy
  1  it is in trouble, which the output names; or the call was refused, with a message
  5  it cannot be reached: no front, no conductor or no database answers"""


@dataclass(frozen=True, slots=True)
class _Look:
    fleet: pb.GetFleetStatusResponse
    """With the troubles of the front among those of the fleet."""
    address: str
    latency_s: float
    certificate_end: dt.datetime | None
    """None without TLS, or if it could not be read."""
    front: str
    """The front in words."""


def status(  # noqa: PLR0913 - one parameter per flag
    *,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help=f"Look again every {LOOK_EVERY_S:.0f} s until Ctrl-C.")
    ] = False,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Show the fleet at one look: VIMs by status, processes, database, open tasks, and what is wrong."""
    settings = client_settings(
        config,
        profile=profile,
        address=address,
        credentials=credentials,
        call_timeout=call_timeout,
        output=output,
        formats=FEED if watch else DOCUMENTS,
    )
    if not watch:
        seen = run(settings, lambda front: _look(front, settings))
        _write(seen, settings.output)
        if seen.fleet.troubles:
            raise typer.Exit(ExitCode.ERROR)
        return
    try:
        run(settings, lambda front: _watch(front, settings))
    except KeyboardInterrupt:
        # Ctrl-C is the normal way to end a watch.
        return


async def _watch(front: Front, settings: ClientSettings) -> None:
    while True:
        try:
            seen = await _look(front, settings)
        except grpc.aio.AioRpcError as error:
            sys.stderr.write(f"{failure_line(error, settings.address)}\n")
        else:
            if settings.output is Output.JSON:
                documents.write_line(_document(seen))
            else:
                sys.stdout.write(_CLEAR if sys.stdout.isatty() else "")
                _write(seen, settings.output)
                sys.stdout.flush()
        await asyncio.sleep(LOOK_EVERY_S)


async def _look(front: Front, settings: ClientSettings) -> _Look:
    begun_at = time.monotonic()
    fleet = await front.fleet.GetFleetStatus(pb.GetFleetStatusRequest(), timeout=front.timeout_s)
    latency_s = time.monotonic() - begun_at
    certificate, end = "no TLS", None
    if settings.credentials is not None:
        try:
            end = await certificate_end(settings.address, settings.credentials, settings.call_timeout_s)
        except OSError as error:
            certificate = "its certificate cannot be read"
            fleet.troubles.add(reason="CERTIFICATE_UNREADABLE", message=f"the front does not show one: {error}")
        else:
            certificate = f"its certificate ends in {_left(end)}"
            if end - dt.datetime.now(dt.UTC) < ENDS_SOON:
                fleet.troubles.add(reason="CERTIFICATE_ENDING", message=f"that of the front ends in {_left(end)}")
    words = f"{settings.address}, answers in {latency_s * 1000:.0f}ms, {certificate}"
    return _Look(fleet, settings.address, latency_s, end, words)


def _left(end: dt.datetime) -> str:
    return brief((end - dt.datetime.now(dt.UTC)).total_seconds())


def _write(seen: _Look, output: Output) -> None:
    if output is Output.TABLE:
        fleet_tables.write(seen.fleet, seen.front)
    else:
        documents.write(output, _document(seen))


def _document(seen: _Look) -> dict[str, Any]:
    front = {
        "address": seen.address,
        "latency": f"{seen.latency_s:.6f}s",
        "certificate_end": seen.certificate_end.isoformat() if seen.certificate_end else None,
    }
    return {"healthy": not seen.fleet.troubles, "front": front, **documents.document(seen.fleet)}
