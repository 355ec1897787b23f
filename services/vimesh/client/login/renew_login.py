"""Renews the token of a login by its refresh token before it ends, for as long as a command runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Never

from vimesh.client.login.issuer_http import IssuerHttp
from vimesh.client.login.issuer_metadata import discover
from vimesh.client.login.login_errors import IssuerUnavailable, LoginEnded, LoginFailed, TokenRefused
from vimesh.client.login.login_folder import Login, LoginFolder
from vimesh.client.login.token_endpoint import TokenAnswer, request_token

_LOOK_EVERY_S: Final = 30.0
"""At most; another process may have logged in again, and a suspended machine wakes up late."""
_RETRY_S: Final = 5.0
"""Pause after an attempt that failed."""


async def renew_if_due(folder: LoginFolder) -> Login:
    """Return the login with a token that has not ended.

    Raises LoginEnded, LoginFailed, and OSError if the files cannot be written. An issuer that is away is not asked
    again until the token has ended.
    """
    login = _required(folder)
    if folder.clock() < login.renew_at:
        return login
    async with folder.locked():
        login = _required(folder)  # as another process may have left it
        return login if folder.clock() < login.renew_at else await _renew(folder, login)


async def keep_valid(folder: LoginFolder, say: Callable[[str], object]) -> Never:
    """Renew the token whenever it is due. Runs until cancelled. `say` is called once for each kind of failure."""
    said = ""
    while True:
        left_s = 0.0
        try:
            login = await renew_if_due(folder)
        except (LoginFailed, OSError) as error:
            if str(error) != said:
                said = str(error)
                say(f"the login of profile {folder.profile} cannot be renewed: {error}")
        else:
            said = ""
            left_s = login.renew_at - folder.clock()
        await asyncio.sleep(min(left_s, _LOOK_EVERY_S) if left_s > 0 else _RETRY_S)


def _required(folder: LoginFolder) -> Login:
    if (login := folder.read()) is None:
        raise LoginEnded(f"not logged in to profile {folder.profile}", folder.profile)
    return login


async def _renew(folder: LoginFolder, login: Login) -> Login:
    if not login.refresh_token:
        raise LoginEnded(f"the login of profile {folder.profile} has ended", folder.profile)
    try:
        return folder.renew(login, await _refresh(login))
    except IssuerUnavailable:
        if folder.clock() < login.expires_at:
            return login
        raise
    except TokenRefused as refused:
        if refused.code != "invalid_grant":
            raise
        login = folder.give_up_renewal(login)
        if folder.clock() < login.expires_at:
            return login
        raise LoginEnded(f"the login of profile {folder.profile} has ended", folder.profile) from refused


async def _refresh(login: Login) -> TokenAnswer:
    http = IssuerHttp(login.client.authorities)
    metadata = await discover(http, login.client.issuer)
    grant = {"grant_type": "refresh_token", "refresh_token": login.refresh_token}
    return await request_token(http, metadata, login.client, grant)
