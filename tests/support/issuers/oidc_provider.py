"""Runs a certified OpenID Connect server, oidc-provider, with the accounts of a company."""

from __future__ import annotations

import asyncio
import json
import ssl
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.identities.certified import Certified
from vimesh.certificates.spiffe_ids import Role
from vimesh.client.login.token_endpoint import IssuerClient

_FOLDER = Path(__file__).parents[2] / "oidc_issuer"
_LIMIT_S = 30.0
CLIENT_ID = "vimesh-cli"
ACCOUNTS = {
    "olga": {"vimesh_roles": ["operator"], "vimesh_projects": ["lab"]},
    "rob": {"vimesh_roles": ["reader"], "vimesh_projects": ["lab"]},
}


@dataclass(frozen=True, slots=True)
class RunningIssuer:
    url: str
    authorities: Path
    """Of its certificate."""
    _process: Process

    @property
    def keys(self) -> str:
        return f"{self.url}/jwks"

    @property
    def client(self) -> IssuerClient:
        return IssuerClient(self.url, CLIENT_ID, authorities=self.authorities)

    def browser_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authorities)

    async def replace_key(self) -> None:
        """Sign with another key from now on, and publish that alone."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        await _say_where(self._process)

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def running_issuer(
    folder: Path,
    *,
    lifetime_s: int = 3600,
    audience: str = "vimesh",
    with_devices: bool = True,
    with_jwt: bool = True,
    late_s: int = 0,
    page: str = "",
) -> AsyncGenerator[RunningIssuer]:
    """Run the issuer, with certificates in a folder. Stops it at the end.

    `page`: the URL of a console, which the issuer sends people back to.
    """
    company = Certified(folder)
    part = company.part(Role.API, "idp")
    settings = {
        "certificate": str(part / "tls.crt"),
        "key": str(part / "tls.key"),
        "accounts": ACCOUNTS,
        "lifetime_s": lifetime_s,
        "audience": audience,
        "with_devices": with_devices,
        "with_jwt": with_jwt,
        "late_s": late_s,
        "page": page,
    }
    with (folder / "issuer.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "node", "issuer.js", json.dumps(settings), cwd=_FOLDER, stdin=PIPE, stdout=PIPE, stderr=log
        )
    try:
        url = await _say_where(process)
        issuer = RunningIssuer(url, company.trust / "ca.crt", process)
        yield issuer
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _say_where(process: Process) -> str:
    """Return the issuer of the next line of JSON; other lines are notices."""
    assert process.stdout is not None
    async with asyncio.timeout(_LIMIT_S):
        while line := await process.stdout.readline():
            if line.startswith(b"{"):
                return str(json.loads(line)["issuer"])
    raise AssertionError("the issuer ended: see issuer.log")
