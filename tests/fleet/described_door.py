"""Runs a secured front before a conductor, both real, and calls it as its own description says."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.deployments.envoys import PLAIN, RunningEnvoy, running_envoy
from tests.support.deployments.secured_conductors import secured
from tests.support.identities.callers import HttpAnswer, ask_tls
from tests.support.identities.certified import Certified
from tests.support.identities.secured_fleets import ISSUER, put
from tests.support.identities.tokens import SigningKey, claims_of, key_set
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.certificates.spiffe_ids import Role
from vimesh.domain.vim_store import VimStore
from vimesh.envoy.fleet.front_security import FrontSecurity, TokenIssuer

DESCRIPTION = "/v1/openapi.json"


@dataclass(frozen=True)
class DescribedDoor:
    envoy: RunningEnvoy
    certified: Certified
    key: SigningKey
    store: VimStore
    folder: Path
    conductor: str
    """Address of the conductor, which believes whoever calls."""

    @property
    def address(self) -> str:
        """By the name in the certificate of the front."""
        return self.envoy.address.replace("127.0.0.1", "localhost")

    @property
    def authorities(self) -> Path:
        return self.certified.trust / "ca.crt"

    def token(self, role: str) -> str:
        return self.key.sign(claims_of(role, vimesh_roles=role, vimesh_projects="*"))

    async def ask(self, method: str, path: str, body: object = None, *, role: str = "admin") -> HttpAnswer:
        """Make a request with a token of the role, or without one if that is empty."""
        headers = {"authorization": f"Bearer {self.token(role)}"} if role else {}
        text = None if body is None else json.dumps(body)
        if text is not None:
            headers["content-type"] = "application/json"
        return await ask_tls(self.address, (method, path), self.certified.client_context(self.folder), headers, text)

    async def description(self) -> dict[str, Any]:
        answer = await self.ask("GET", DESCRIPTION, role="reader")
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        document: dict[str, Any] = json.loads(answer.body)
        return document


def closed(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a door that wants proof, with messages that have no other fields than those it names.

    The description leaves both open: fleets may serve anyone, and later versions of the contract may answer with more.
    """
    parts = description["components"]
    ours = {name: schema for name, schema in parts["schemas"].items() if not name.startswith("google.")}
    shut = {name: {**one, "additionalProperties": False} if "properties" in one else one for name, one in ours.items()}
    proof = [one for one in description["security"] if one]
    return {**description, "security": proof, "components": {**parts, "schemas": {**parts["schemas"], **shut}}}


@asynccontextmanager
async def described_door(folder: Path) -> AsyncGenerator[DescribedDoor]:
    certified, key, keys_file = Certified(folder / "certs"), SigningKey("first"), folder / "jwks.json"
    put(keys_file, key_set(key))
    security = FrontSecurity(
        certified.part(Role.FRONT, "front-1"),
        certified.trust,
        issuers=(TokenIssuer(ISSUER, ("vimesh",), jwks_file=keys_file),),
        tls_to_conductors=False,
    )
    # Not pytest's folder: the path of a Unix socket has to be short.
    with TemporaryDirectory(prefix="vimesh-") as sockets:
        async with (
            store_at(sqlite_url(folder / "vimesh.sqlite")) as store,
            secured(store, Path(sockets)) as conductor,
            running_envoy([conductor], like=replace(PLAIN, security=security)) as envoy,
        ):
            await envoy.until_healthy([conductor])
            yield DescribedDoor(envoy, certified, key, store, folder, conductor)
