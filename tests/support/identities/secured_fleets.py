"""Runs a secured front before a conductor and an api process that record what they are told about callers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.deployments.envoys import NOTHING, PLAIN, RunningEnvoy, running_envoy
from tests.support.identities.callers import LIMIT_S, ask_tls
from tests.support.identities.certified import Certified, KeyPair
from tests.support.identities.recording_backends import Records, recording_api, recording_conductor
from tests.support.identities.tokens import SigningKey, key_set
from vimesh.certificates.spiffe_ids import Role
from vimesh.envoy.fleet.front_fleet import FrontFleet
from vimesh.envoy.fleet.front_security import FrontSecurity, TokenIssuer

ISSUER = "https://idp.example"


@dataclass(frozen=True, slots=True)
class SecuredFleet:
    envoy: RunningEnvoy
    certified: Certified
    key: SigningKey
    keys_file: Path
    conductor: Records
    api: Records
    log: Path
    folder: Path

    @property
    def front(self) -> str:
        """The address of the front by the name in its certificate."""
        return self.envoy.address.replace("127.0.0.1", "localhost")

    async def until_connecting(self, pair: KeyPair | None, *, accepted: bool) -> None:
        """Wait until a certificate is accepted, or refused. Each try is a connection of its own."""
        async with asyncio.timeout(LIMIT_S):
            while await self._is_accepted(pair) is not accepted:
                pass

    async def _is_accepted(self, pair: KeyPair | None) -> bool:
        context = self.certified.client_context(self.folder, pair)
        try:
            await ask_tls(self.front, ("GET", "/healthz"), context, {})
        except OSError:
            return False
        return True


def secured(certified: Certified, front: Path, **more: object) -> FrontSecurity:
    return replace(FrontSecurity(front, certified.trust), **more)  # type: ignore[arg-type]  # checked at run time


def put(path: Path, content: bytes) -> None:
    """Move a file into place, as Envoy notices it."""
    scratch = path.with_name("next")
    scratch.write_bytes(content)
    scratch.replace(path)


@asynccontextmanager
async def secured_fleet(
    folder: Path, *, instead: Mapping[str, str] = NOTHING, like: FrontFleet = PLAIN, keystone: bool = False
) -> AsyncGenerator[SecuredFleet]:
    certified = Certified(folder / "certs")
    key = SigningKey("first")
    keys_file = folder / "keys" / "jwks.json"
    keys_file.parent.mkdir()
    put(keys_file, key_set(key))
    front = certified.part(Role.FRONT, "front-1")
    conductor_part, api_part = certified.part(Role.CONDUCTOR, "c1"), certified.part(Role.API, "served")
    issuer = TokenIssuer(ISSUER, ("vimesh",), jwks_file=keys_file)
    security = secured(certified, front, issuers=(issuer,), keystone=keystone)
    log = folder / "access.json"
    async with (
        recording_conductor(certified.server_credentials(conductor_part)) as conductor,
        recording_api(certified.server_context(api_part)) as api,
        running_envoy(
            [conductor.address],
            api=[api.address],
            access_log=log,
            instead=instead,
            like=replace(like, security=security),
        ) as envoy,
    ):
        await envoy.until_healthy([conductor.address])
        yield SecuredFleet(envoy, certified, key, keys_file, conductor, api, log, folder)
