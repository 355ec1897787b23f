"""Keeps a login in a folder of credentials, beside the token what renews it. Only its owner can read the files."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from vimesh.certificates.file_generations import make_private, replace_files
from vimesh.client.login.login_errors import LoginFailed
from vimesh.client.login.token_endpoint import IssuerClient, TokenAnswer
from vimesh.files.certificate_files import LOGIN, TOKEN, TRUSTED
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_SETTINGS_BYTES
from vimesh.files.json_values import read_json
from vimesh.files.read_files import read_text, read_whole

_LOCK: Final = "lock"
_LOCKED_S: Final = 30.0
_TRY_EVERY_S: Final = 0.05
_EARLY_S: Final = 60.0
"""How long before its end a token is renewed, if it lasts for three times as long: the clocks of hosts differ."""

Clock = Callable[[], float]
"""Seconds since 1970, UTC."""


@dataclass(frozen=True, slots=True)
class Login:
    client: IssuerClient
    refresh_token: str = field(repr=False)
    """Empty if the token cannot be renewed."""
    renew_at: float
    """In seconds since 1970, UTC."""
    expires_at: float


class LoginFolder:
    """Several processes may use it at once."""

    def __init__(self, path: Path, clock: Clock = time.time) -> None:
        self.path = path
        self.clock = clock

    @property
    def profile(self) -> str:
        """Name of the profile that the login is of."""
        return self.path.name

    def read(self) -> Login | None:
        """Return the login; None if there is none. Raises LoginFailed."""
        path = self.path / LOGIN
        try:
            content = read_json(read_text(path, MAX_SETTINGS_BYTES))
            return _login_in(content)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LoginFailed(f"{path} cannot be read: {error.strerror}") from error
        except (BadFile, ValueError, KeyError, TypeError) as error:
            raise LoginFailed(f"{path} is not as vimesh login writes it") from error

    def store(self, client: IssuerClient, answer: TokenAnswer, trusted: bytes) -> Login:
        """Write what an issuer gave. Raises OSError.

        `trusted`: authorities of the front, PEM; empty: those of the system.
        """
        now = self.clock()
        early_s = min(_EARLY_S, answer.lifetime_s / 3) if answer.refresh_token else 0.0
        expires_at = now + answer.lifetime_s
        login = Login(client, answer.refresh_token, expires_at - early_s, expires_at)
        self._write(login, answer.access_token.encode(), trusted)
        return login

    def renew(self, login: Login, answer: TokenAnswer) -> Login:
        """Replace the token, and the refresh token if the issuer gave another one. Raises OSError."""
        refresh_token = answer.refresh_token or login.refresh_token
        return self.store(login.client, replace(answer, refresh_token=refresh_token), self._read(TRUSTED))

    def give_up_renewal(self, login: Login) -> Login:
        """Forget a refresh token that the issuer has refused. Raises OSError."""
        last = replace(login, refresh_token="", renew_at=login.expires_at)
        self._write(last, self._read(TOKEN), self._read(TRUSTED))
        return last

    def remove(self) -> None:
        """Raises OSError."""
        shutil.rmtree(self.path)

    @asynccontextmanager
    async def locked(self) -> AsyncGenerator[None]:
        """Keep other processes from renewing: issuers end a login whose refresh token is used twice.

        Raises LoginFailed, OSError.
        """
        make_private(self.path)
        descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            await _lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _read(self, name: str) -> bytes:
        try:
            return read_whole(self.path / name, MAX_SETTINGS_BYTES * 4)
        except FileNotFoundError:
            return b""
        except BadFile as error:
            raise OSError(0, str(error)) from error

    def _write(self, login: Login, token: bytes, trusted: bytes) -> None:
        files = {TOKEN: token, LOGIN: json.dumps(_document(login), indent=1).encode() + b"\n"}
        replace_files(self.path, files | ({TRUSTED: trusted} if trusted else {}))


async def _lock(descriptor: int) -> None:
    try:
        async with asyncio.timeout(_LOCKED_S):
            while not _is_locked(descriptor):  # noqa: ASYNC110 - another process sets no event here
                await asyncio.sleep(_TRY_EVERY_S)
    except TimeoutError:
        raise LoginFailed(f"another process has been renewing the login for {_LOCKED_S:g} s") from None


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _document(login: Login) -> dict[str, object]:
    client = login.client
    return {
        "issuer": client.issuer,
        "client_id": client.client_id,
        "resource": client.resource,
        "issuer_ca": "" if client.authorities is None else str(client.authorities),
        "refresh_token": login.refresh_token,
        "renew_at": login.renew_at,
        "expires_at": login.expires_at,
    }


def _login_in(document: Any) -> Login:  # noqa: ANN401 - what JSON holds
    return Login(
        client=IssuerClient(
            issuer=str(document["issuer"]),
            client_id=str(document["client_id"]),
            resource=str(document["resource"]),
            authorities=Path(document["issuer_ca"]) if document["issuer_ca"] else None,
        ),
        refresh_token=str(document["refresh_token"]),
        renew_at=float(document["renew_at"]),
        expires_at=float(document["expires_at"]),
    )
