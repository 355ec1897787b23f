"""Puts a person at a shell before a secured front with a real conductor, whose issuer is a real one, too."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.callers.commands import Command, Ended
from tests.support.callers.running import Running, running
from tests.support.deployments.envoys import NOTHING, PLAIN, running_envoy
from tests.support.deployments.secured_conductors import secured as secured_conductor
from tests.support.identities.callers import LIMIT_S, ask_tls
from tests.support.identities.certified import Certified
from tests.support.identities.secured_fleets import secured
from tests.support.issuers.browser import Browser
from tests.support.issuers.oidc_provider import CLIENT_ID, RunningIssuer
from tests.support.sql.stores import sqlite_url, store_at
from tests.support.timing.waiting import eventually
from vimesh.certificates.spiffe_ids import Role
from vimesh.envoy.fleet.front_security import TokenIssuer


@dataclass(frozen=True)
class Person:
    shell: Command
    issuer: RunningIssuer

    async def type(self, *words: str) -> Ended:
        return await asyncio.to_thread(self.shell, *words)

    async def whoami(self) -> Any:  # noqa: ANN401 - what JSON holds
        done = await self.type("whoami", "-o", "json")
        assert done.code == 0, done.err
        return done.json

    async def set_profile(self, address: str, authorities: Path, *more: str) -> None:
        words = ["--address", address, "--ca", str(authorities), "--issuer", self.issuer.url, "--client-id", CLIENT_ID]
        done = await self.type("profile", "set", "mesh", *words, "--issuer-ca", str(self.issuer.authorities), *more)
        assert done.code == 0, done.err

    @asynccontextmanager
    async def typing(self, *words: str) -> AsyncGenerator[Running]:
        """Run a command beside the test."""
        environment = {"XDG_CONFIG_HOME": str(self.shell.config_home), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
        with running(self.shell.folder, *words, **environment) as command:
            yield command

    async def log_in(self, who: str = "olga") -> None:
        """Type `vimesh login`, and do in a browser what it says."""
        async with self.typing("login") as command:
            url = await self.page_of(command)
            await asyncio.to_thread(Browser(self.issuer.browser_context()).approve, url, who)
            code = await asyncio.to_thread(command.ended)
            assert code == 0, command.lines

    async def page_of(self, command: Running) -> str:
        """Return the URL that a login says to open: the last one with a query, which needs no code to be typed."""
        line = await asyncio.to_thread(command.line_with, "open ", "?")
        return str(re.findall(r"https://\S+", line)[-1])

    @property
    def login_folder(self) -> Path:
        return self.shell.config_home / "vimesh/logins/mesh"

    @property
    def token(self) -> str:
        return (self.login_folder / "token").read_text()

    def stored(self) -> dict[str, Any]:
        return dict(json.loads((self.login_folder / "login.json").read_text()))

    def let_token_age(self) -> None:
        """Write that the token has ended, as time does."""
        (self.login_folder / "login.json").write_text(json.dumps({**self.stored(), "renew_at": 0, "expires_at": 0}))


@dataclass(frozen=True)
class PeopleSite:
    address: str
    authorities: Path
    """Of the front."""


@asynccontextmanager
async def people_site(
    folder: Path,
    issuer: RunningIssuer,
    *,
    names: str = "",
    instead: Mapping[str, str] = NOTHING,
    console: Sequence[str] = (),
    port: int = 0,
) -> AsyncGenerator[PeopleSite]:
    """Run a conductor, and a front that takes the issuer's tokens. `names`: the issuer that it expects instead.

    `console`: addresses of consoles, whose pages then may call the front; `port`: of the front.
    """
    certified = Certified(folder / "certs")
    believed = TokenIssuer(names or issuer.url, ("vimesh",), jwks_uri=issuer.keys, ca=issuer.authorities)
    front = certified.part(Role.FRONT, "f")
    security = secured(certified, front, issuers=(believed,), tls_to_conductors=False)
    like = replace(PLAIN, security=security, origins=(f"https://localhost:{port}",) if console else ())
    async with store_at(sqlite_url(folder / "vimesh.sqlite")) as store:
        # Not pytest's folder: the path of a Unix socket has to be short.
        with TemporaryDirectory(prefix="people-") as sockets:
            async with (
                secured_conductor(store, Path(sockets)) as door,
                running_envoy([door], like=like, console=console, port=port, instead=instead) as envoy,
            ):
                address = envoy.address.replace("127.0.0.1", "localhost")
                context = ssl.create_default_context(cafile=certified.trust / "ca.crt")

                async def is_ready() -> bool:
                    return (await ask_tls(address, ("GET", "/readyz"), context, {})).status == 200

                await eventually(is_ready, LIMIT_S)
                yield PeopleSite(address, certified.trust / "ca.crt")
