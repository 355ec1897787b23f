"""Carries out a login and its end, and shows the person what to do."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

from vimesh.cli.base.terminal import printable
from vimesh.cli.login.code_grant import log_in_by_browser
from vimesh.cli.login.device_grant import DevicePrompt, log_in_by_device
from vimesh.client.credentials.profiles import Profile
from vimesh.client.login.issuer_http import IssuerHttp
from vimesh.client.login.issuer_metadata import discover
from vimesh.client.login.login_errors import LoginFailed
from vimesh.client.login.login_folder import Login, LoginFolder
from vimesh.client.login.token_endpoint import DEFAULT_SCOPE, IssuerClient, TokenAnswer, revoke
from vimesh.domain.errors import BadSetting
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_SETTINGS_BYTES
from vimesh.files.read_files import read_whole


async def log_in(folder: LoginFolder, profile: Profile) -> Login:
    """Get a token, and store it. Raises LoginFailed, BadSetting, OSError."""
    trusted = _authorities(profile.ca)
    client = _client(profile)
    token = await _token(client)
    async with folder.locked():
        return folder.store(client, token, trusted)


async def _token(client: IssuerClient) -> TokenAnswer:
    http = IssuerHttp(client.authorities)
    metadata = await discover(http, client.issuer)
    if metadata.device_authorization_endpoint:
        return await log_in_by_device(http, metadata, client, _show_code)
    if metadata.authorization_endpoint:
        return await log_in_by_browser(http, metadata, client, _show_page)
    raise LoginFailed("the issuer has neither a device authorization endpoint nor an authorization endpoint")


async def take_away(folder: LoginFolder) -> Login | None:
    """Remove the files; return what they held. Raises LoginFailed, OSError."""
    # A renewal in progress would write them again.
    async with folder.locked():
        try:
            return folder.read()
        finally:
            folder.remove()


async def revoke_at_issuer(present: Login) -> bool:
    """Return whether the issuer has ended the login; it may have no way to do that. Raises LoginFailed."""
    if not present.refresh_token:
        return False
    http = IssuerHttp(present.client.authorities)
    return await revoke(http, await discover(http, present.client.issuer), present.client, present.refresh_token)


def _show_code(prompt: DevicePrompt) -> None:
    _tell(f"open {prompt.url} and enter the code {prompt.code}")
    if prompt.direct_url:
        _tell(f"or open {prompt.direct_url}")


def _show_page(url: str) -> None:
    _tell(f"open {url}")
    # Without a display, a browser would take over this terminal.
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)


def _tell(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)  # noqa: T201 - for people, apart from the data


def _client(profile: Profile) -> IssuerClient:
    return IssuerClient(
        issuer=profile.issuer,
        client_id=profile.client_id,
        resource=profile.resource,
        scope=profile.scope or DEFAULT_SCOPE,
        authorities=Path(profile.issuer_ca) if profile.issuer_ca else None,
    )


def _authorities(file: str) -> bytes:
    """Raises OSError, BadSetting."""
    try:
        return read_whole(Path(file), MAX_SETTINGS_BYTES * 4) if file else b""
    except BadFile as error:
        raise BadSetting(file, str(error)) from error
