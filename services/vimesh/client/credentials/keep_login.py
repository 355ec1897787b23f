"""Keeps a token valid for as long as it is used, if the credentials are those of a login."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from vimesh.client.login.login_errors import LoginFailed
from vimesh.files.certificate_files import LOGIN
from vimesh.runtime.background import beside


@asynccontextmanager
async def valid_login(credentials: Path | None, warn: Callable[[str], object]) -> AsyncGenerator[None]:
    """Renew the token before the block and while it runs, whenever it is due. Raises LoginFailed.

    `warn` is called if that fails while the block runs.
    """
    if credentials is None or not (credentials / LOGIN).exists():
        yield
        return
    # Most callers have no login.
    from vimesh.client.login.login_folder import LoginFolder  # noqa: PLC0415
    from vimesh.client.login.renew_login import keep_valid, renew_if_due  # noqa: PLC0415

    folder = LoginFolder(credentials)
    try:
        await renew_if_due(folder)
    except OSError as error:
        raise LoginFailed(f"{error.filename or 'the login'}: {error.strerror}") from error
    async with beside(keep_valid(folder, warn)):
        yield
