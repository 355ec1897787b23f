"""Certificates and keys are replaced while calls are made, over old connections and new ones: no call fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from grpc import aio

from tests.support.callers.load import Load
from tests.support.identities.callers import LIMIT_S, PASSED, ask_tls, call, http_outcome
from tests.support.identities.certified import Certified
from tests.support.identities.secured_fleets import SecuredFleet, put, secured_fleet
from tests.support.identities.tokens import SigningKey, claims_of, key_set
from vimesh.certificates.spiffe_ids import Role

UPDATE_VIM = "/vimesh.v1.ConductorService/UpdateVim"
GET_VIM = "/vimesh.v1.VimService/GetVim"
CALLERS = 8
ENOUGH = 200
"""Number of calls after each change."""


def bearer(key: SigningKey) -> dict[str, str]:
    return {"authorization": f"Bearer {key.sign(claims_of('olga', vimesh_roles='operator'))}"}


@asynccontextmanager
async def under_load(fleet: SecuredFleet, *, new_connections: bool = True) -> AsyncGenerator[Load]:
    """Make calls of monitors and people over kept connections, and of people over new ones."""
    load = Load(ENOUGH)
    monitor = fleet.certified.channel_credentials(fleet.certified.pair(Role.MONITOR, "loaded"))
    anonymous, token = fleet.certified.channel_credentials(), bearer(fleet.key)
    admin = fleet.certified.client_context(fleet.folder, fleet.certified.pair(Role.CLI, "admin.loaded"))

    async def anew() -> str:
        try:
            answer = await ask_tls(fleet.front, ("GET", "/v1/vims"), admin, {})
        except OSError as error:
            return repr(error)
        return PASSED if answer.status == 200 else http_outcome(answer)

    async with (
        aio.secure_channel(fleet.front, monitor) as reports,
        aio.secure_channel(fleet.front, anonymous) as reads,
    ):
        callers: list[Callable[[], Awaitable[str]]] = [lambda: call(reports, UPDATE_VIM, {})] * CALLERS
        callers += [lambda: call(reads, GET_VIM, token)] * CALLERS
        async with load.running([*callers, anew] if new_connections else callers):
            yield load


async def presented_serial(fleet: SecuredFleet) -> int:
    """Return the serial number of the certificate that the front shows to a new connection."""
    host, _, port = fleet.front.rpartition(":")
    context = fleet.certified.client_context(fleet.folder)
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
        await writer.wait_closed()
    return x509.load_der_x509_certificate(shown).serial_number


async def test_the_certificate_of_the_front_is_renewed(tmp_path: Path) -> None:
    async with secured_fleet(tmp_path) as fleet, under_load(fleet) as load:
        for _ in range(3):
            before = await presented_serial(fleet)
            fleet.certified.renew(Role.FRONT, "front-1")
            async with asyncio.timeout(LIMIT_S):
                while await presented_serial(fleet) == before:
                    pass
            await load.until_more()

    assert set(load.ends) == {PASSED}


async def test_another_authority_is_trusted_and_a_certificate_is_revoked(tmp_path: Path) -> None:
    second = Certified(tmp_path / "second")
    newcomer = second.pair(Role.MONITOR, "new")
    async with secured_fleet(tmp_path) as fleet, under_load(fleet) as load:
        leaving = fleet.certified.pair(Role.MONITOR, "leaving")
        await fleet.until_connecting(leaving, accepted=True)
        await fleet.until_connecting(newcomer, accepted=False)
        trusted = second.trust
        fleet.certified.folder.trust(
            (trusted / "ca.crt").read_bytes() + (trusted / "crl.pem").read_bytes(), datetime.now(UTC)
        )
        await fleet.until_connecting(newcomer, accepted=True)
        await load.until_more()

        fleet.certified.revoke(Role.MONITOR, "leaving")
        await fleet.until_connecting(leaving, accepted=False)
        await load.until_more()
        await fleet.until_connecting(newcomer, accepted=True)

    assert set(load.ends) == {PASSED}


async def test_keys_of_an_issuer_change(tmp_path: Path) -> None:
    following = SigningKey("second")
    async with secured_fleet(tmp_path, instead={"cache_duration: 10s": "cache_duration: 0.5s"}) as fleet:
        async with (
            under_load(fleet) as load,
            aio.secure_channel(fleet.front, fleet.certified.channel_credentials()) as channel,
        ):
            assert await call(channel, GET_VIM, bearer(following)) == "UNAUTHENTICATED TOKEN_INVALID"
            put(fleet.keys_file, key_set(fleet.key, following))
            await until_ending(channel, bearer(following), PASSED)
            await load.until_more()
        async with aio.secure_channel(fleet.front, fleet.certified.channel_credentials()) as channel:
            put(fleet.keys_file, key_set(following))
            await until_ending(channel, bearer(fleet.key), "UNAUTHENTICATED TOKEN_INVALID")
            assert await call(channel, GET_VIM, bearer(following)) == PASSED

    assert set(load.ends) == {PASSED}


async def test_a_connection_ends_after_a_while_and_its_calls_go_on(tmp_path: Path) -> None:
    short = {"max_connection_duration: 3600s": "max_connection_duration: 0.5s"}
    async with secured_fleet(tmp_path, instead=short) as fleet, under_load(fleet, new_connections=False) as load:
        async with asyncio.timeout(LIMIT_S):
            while await fleet.envoy.stat("http.front.downstream_cx_max_duration_reached") < 2:
                await load.until_more()

    assert set(load.ends) == {PASSED}


async def until_ending(channel: aio.Channel, headers: dict[str, str], wanted: str) -> None:
    async with asyncio.timeout(LIMIT_S):
        while await call(channel, GET_VIM, headers) != wanted:
            pass
