"""A front takes the tokens of a fleet's own authority, until their key is replaced."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from grpc import aio

from tests.envoy.identity.test_issuers import BAD_TOKEN, GET_VIM, fleet_of, until_ending
from tests.support.identities.callers import PASSED, call
from tests.support.identities.certified import Certified
from tests.support.identities.recording_backends import CALL
from vimesh.certificates.service_tokens import AUDIENCE, ServiceTokens
from vimesh.envoy.fleet.front_security import TokenIssuer

REGISTER_VIM = "/vimesh.v1.VimService/RegisterVim"
DAY = timedelta(days=1)


async def test_a_service_token_gives_its_roles_and_projects_until_its_key_is_replaced(tmp_path: Path) -> None:
    certified = Certified(tmp_path / "certs")
    tokens = ServiceTokens(certified.folder)
    tokens.prepare()

    def bearer(*roles: str, age: timedelta = timedelta(0)) -> dict[str, str]:
        issued = tokens.issue("ci", roles, ["lab"], DAY, datetime.now(UTC) - age)
        return {"authorization": f"Bearer {(issued.folder / 'token').read_text()}"}

    issuer = TokenIssuer("spiffe://vimesh", (AUDIENCE,), jwks_file=tokens.key_set)
    async with (
        fleet_of(certified, issuer) as (envoy, conductor),
        aio.secure_channel(envoy.address, certified.channel_credentials()) as channel,
    ):
        reader, ended = bearer("reader"), bearer("reader", age=2 * DAY)
        assert await call(channel, GET_VIM, {CALL: "1", **reader}) == PASSED
        assert await call(channel, REGISTER_VIM, reader) == "PERMISSION_DENIED ROLE_MISSING"
        assert await call(channel, GET_VIM, ended) == BAD_TOKEN
        assert conductor.calls["1"].identity == {
            "identity": "spiffe://vimesh#ci",
            "roles": "reader",
            "projects": "lab",
        }

        await asyncio.to_thread(tokens.replace_key)
        newer = bearer("operator")
        await until_ending(channel, reader, BAD_TOKEN)
        assert await call(channel, REGISTER_VIM, newer) == PASSED
