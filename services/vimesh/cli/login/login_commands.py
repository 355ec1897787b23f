"""vimesh login and vimesh logout: get a token from the issuer of a profile, and give it back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vimesh.cli.base import flags
from vimesh.cli.base.common_settings import given
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.base.explain_login import login_explained
from vimesh.client.credentials.front_access import ChosenProfile, chosen_profile
from vimesh.client.login.login_errors import LoginFailed

if TYPE_CHECKING:
    from vimesh.client.login.login_folder import Login, LoginFolder  # other commands need none of it


def login(*, profile: flags.Profile = None, config: flags.Config = None) -> None:
    """Get a token from the issuer of a profile. Commands renew it by themselves for as long as the issuer lets them.

    Shows a code to approve on any device or, if the issuer has no such way, opens a browser on this machine.
    """
    from vimesh.cli.login.log_in import log_in  # noqa: PLC0415 - other commands do not speak with issuers

    chosen = _chosen(config, profile)
    with login_explained():
        stored = asyncio.run(log_in(_folder(chosen), chosen.profile))
    typer.echo(f"logged in to profile {chosen.name}, {_how_long(stored)}; vimesh whoami shows who you are there")


def logout(*, profile: flags.Profile = None, config: flags.Config = None) -> None:
    """Remove the token of a profile, and revoke the login at its issuer if that has a way to do so."""
    from vimesh.cli.login.log_in import revoke_at_issuer, take_away  # noqa: PLC0415 - as above

    chosen = _chosen(config, profile)
    with login_explained():
        present = asyncio.run(take_away(_folder(chosen)))
    if present is None:
        typer.echo(f"not logged in to profile {chosen.name}")
        return
    try:
        is_revoked = asyncio.run(revoke_at_issuer(present))
    except LoginFailed as error:
        raise Failure(
            f"the token was removed here, but the login was not revoked: {error}", code=ExitCode.NOT_MET
        ) from error
    how = "and revoked the login" if is_revoked else "and the token ends by itself"
    typer.echo(f"logged out of profile {chosen.name}, {how}")


def _chosen(config: Path | None, profile: str | None) -> ChosenProfile:
    chosen = chosen_profile(given(config), profile)
    how = "vimesh profile set NAME --address HOST:PORT --issuer URL --client-id ID"
    if chosen is None:
        raise Failure("there is no profile to log in to", hint=how)
    if not chosen.profile.issuer:
        raise Failure(f"profile {chosen.name} has no issuer", hint=how.replace("NAME", chosen.name))
    return chosen


def _folder(chosen: ChosenProfile) -> LoginFolder:
    from vimesh.client.login.login_folder import LoginFolder  # noqa: PLC0415 - as above

    return LoginFolder(chosen.profiles.login_folder(chosen.name))


def _how_long(stored: Login) -> str:
    if stored.refresh_token:
        return "renewed as needed"
    return f"until {datetime.fromtimestamp(stored.expires_at, UTC):%Y-%m-%d %H:%M} UTC"
