"""Keeps the token of a command valid, if its credentials are those of a login."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from vimesh.cli.base.profiles import LOGIN_FILE
from vimesh.cli.base.terminal import clipped, printable
from vimesh.runtime.background import beside


@asynccontextmanager
async def valid_login(credentials: Path | None) -> AsyncGenerator[None]:
    """Renew the token before the block and while it runs, whenever it is due. Raises Failure."""
    if credentials is None or not (credentials / LOGIN_FILE).exists():
        yield
        return
    # Most commands run without a login.
    from vimesh.cli.login.explain_login import login_explained  # noqa: PLC0415
    from vimesh.cli.login.login_folder import LoginFolder  # noqa: PLC0415
    from vimesh.cli.login.renew_login import keep_valid, renew_if_due  # noqa: PLC0415

    folder = LoginFolder(credentials)
    with login_explained(folder.profile):
        await renew_if_due(folder)
    async with beside(keep_valid(folder, _warn)):
        yield


def _warn(text: str) -> None:
    print(printable(clipped(f"warning: {text}")), file=sys.stderr)  # noqa: T201 - for people, apart from the data
