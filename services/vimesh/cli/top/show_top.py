"""vimesh top: shows a large fleet live on a full screen."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Annotated, Final

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.exits import Failure
from vimesh.cli.client.front import run
from vimesh.cli.selection import filter_flags, label_flags
from vimesh.cli.top.row_order import SORTS
from vimesh.client.calls.front_stubs import Front
from vimesh.domain.settings import BadFlag

_LIBRARY: Final = "textual"
_SORT_FLAG: Final = "--sort"
_DUMB: Final = frozenset({"", "dumb"})


def top(  # noqa: PLR0913 - one parameter per flag
    *,
    filter_: filter_flags.FilterFlag = "",
    selector: label_flags.Selector = "",
    sort: Annotated[
        str, typer.Option(_SORT_FLAG, metavar="|".join(SORTS), help="What to sort by at first; key s changes it.")
    ] = next(iter(SORTS)),
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Show the fleet on the full screen: counts, VIMs, changes as they come. Key ? lists the keys, q leaves.

    VIMs can be deregistered and labelled, probed at another interval and put into maintenance, if your roles allow.
    """
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=None
    )
    if sort not in SORTS:
        raise BadFlag(_SORT_FLAG, f"must be one of {', '.join(SORTS)}, not {sort[:50]!r}")
    matching = label_flags.selected(selector, filter_)
    _require_screen()

    async def show(front: Front) -> None:
        from vimesh.cli.top.fleet_feed import check_filter  # noqa: PLC0415 - as below
        from vimesh.cli.top.top_app import TopApp, show_app  # noqa: PLC0415 - slow to import, and an extra
        from vimesh.cli.top.vim_deeds import permitted_rpcs  # noqa: PLC0415 - as above

        # A mistake ends the command before the screen is cleared.
        permitted = await permitted_rpcs(front)
        with filter_flags.mistakes_shown(matching):
            await check_filter(front, matching)
        await show_app(TopApp(front, permitted, filter_=filter_, selector=selector, sort=sort))

    run(settings, show)


def _require_screen() -> None:
    """Raise Failure if there is nothing to draw on, or nothing to draw with."""
    if find_spec(_LIBRARY) is None:
        raise Failure(
            "vimesh top needs Textual, which is not installed",
            hint="install the extra top: `pip install 'vimesh[top]'`; without it, use `vimesh vim watch`",
        )
    # Textual draws on stderr.
    on_terminal = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    if not on_terminal or os.environ.get("TERM", "") in _DUMB:
        raise Failure(
            "vimesh top needs a terminal with a screen",
            hint="for a pipe or a file, use `vimesh vim watch` or `vimesh vim list`",
        )
