"""Connects an import to the fleet, and ends it on signals."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import SystemRandom
from typing import Any

from vimesh.cli.base.client_settings import ClientSettings
from vimesh.cli.client.explain_failures import failure
from vimesh.cli.client.front import warn
from vimesh.cli.client.interruption import obey
from vimesh.cli.processes.stop_signals import stop_on_signals
from vimesh.cli.vim_import.existing_vims import ExistingVims
from vimesh.cli.vim_import.import_tally import ImportTally
from vimesh.client.calls.front_stubs import connected
from vimesh.client.calls.repeat_calls import Retrying
from vimesh.runtime.background import beside


@asynccontextmanager
async def connected_fleet(
    client: ClientSettings, tally: ImportTally[Any], *, attempts: int | None = None, give_up_s: float = float("inf")
) -> AsyncGenerator[ExistingVims]:
    """Retry each call up to `attempts` times, or until nothing has answered for `give_up_s` seconds.

    The tally says why calls wait, and of the first signal. After that, calls without a limit of attempts are not
    retried; the others are, so that the VIMs in progress are finished. Raises Failure on the second signal.
    """
    with stop_on_signals() as stopping:
        async with connected(client.address, client.call_timeout_s, client.credentials, warn=warn) as front:
            patience = Retrying(
                SystemRandom(),
                attempts=attempts,
                give_up_s=give_up_s,
                stopped=lambda: attempts is None and tally.ended_early is not None,
                waiting=lambda error: tally.wait(None if error is None else failure(error, client.address)),
            )
            async with beside(obey(stopping, tally.end)):
                yield ExistingVims(front, patience)
