"""The client of logins connects only where it may, and takes no more of an answer than it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from tests.support.clouds.http_server import OK, server, token
from tests.support.clouds.login_client import condition, log_in, login_client, words
from vimesh.domain.endpoints import endpoint_of
from vimesh.monitor.logins.clouds import endpoint_checks
from vimesh.monitor.logins.clouds.bounded_client import MAX_BODY_BYTES, BoundedClient, ExchangeFailed, HttpAnswer
from vimesh.monitor.logins.clouds.login_attempt import LoginAttempts
from vimesh.monitor.names.name_answers import LookupFailed, NoSuchName, Outcome
from vimesh.monitor.net.ip_addresses import IpHost
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.target_rules.networks import parse_networks
from vimesh.target_rules.target_rules import TargetRules

LIMIT_S = 30
CREDENTIALS = {"username": "ann", "password": "kiwi"}


async def got(url: str, client: BoundedClient | None = None) -> HttpAnswer:
    endpoint = endpoint_of(url)
    async with asyncio.timeout(LIMIT_S), (client or login_client()).connect(endpoint, None) as exchange:
        return await exchange.get(endpoint.path)


async def posted(url: str) -> HttpAnswer:
    endpoint = endpoint_of(url)
    async with asyncio.timeout(LIMIT_S), login_client().connect(endpoint, None) as exchange:
        return await exchange.post_json(endpoint.path, b"{}")


async def reason_of(call: Awaitable[object]) -> str:
    with pytest.raises(ExchangeFailed) as raised:
        await call
    return raised.value.reason


@pytest.mark.parametrize("deny", ["127.0.0.0/8", ""])
async def test_nothing_is_sent_to_an_address_that_must_not_be_probed(deny: str) -> None:
    async with server(lambda _: OK) as target:
        client = login_client(TargetRules(deny=parse_networks(deny)))
        with pytest.raises(LocalFault) as raised:
            await got(target.url, client)
        outcome = await log_in(target.url, CREDENTIALS, attempts=LoginAttempts(client))

        assert raised.value.reason == "LOCAL_DENIED"
        assert words(outcome) == {"LoggedIn": "UNKNOWN LOCAL_DENIED"}
        assert target.connections == 0


async def test_a_catalogue_leads_nowhere_else() -> None:
    async with server(lambda _: OK) as inside:
        services = (("compute", f"http://127.0.0.2:{inside.port}/"), ("image", f"http://127.0.0.1:{inside.port}/"))
        async with server(lambda _: token(*services)) as cloud:
            rules = TargetRules(allow=parse_networks("127.0.0.1"))
            outcome = await log_in(cloud.url, CREDENTIALS, attempts=LoginAttempts(login_client(rules)))

        assert words(outcome) == {
            "LoggedIn": "TRUE",
            "Endpoint/compute": "UNKNOWN LOCAL_DENIED",
            "Endpoint/image": "TRUE",
        }
        assert "127.0.0.2" in condition(outcome, "Endpoint/compute").message
        assert [request.partition(b"\r\n")[0] for request in inside.requests] == [b"GET / HTTP/1.1"]
        assert b"kiwi" not in b"".join(inside.requests)


async def test_services_at_one_server_share_a_connection() -> None:
    async with server(lambda _: OK) as one:
        services = [(f"s{number}", f"{one.url}/{number}") for number in range(5)]
        async with server(lambda _: token(("compute", one.url), *services)) as cloud:
            outcome = await log_in(cloud.url, CREDENTIALS)

        assert set(words(outcome).values()) == {"TRUE"}
        assert (one.connections, len(one.requests)) == (1, 6)


async def test_a_service_that_hangs_or_closes_harms_no_other_of_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_checks, "ANSWER_S", 0.3)

    def answer(request: bytes) -> bytes | Awaitable[bytes]:
        if b"/hangs" in request:
            return asyncio.Event().wait()  # type: ignore[return-value]  # it never answers
        if b"/endless" in request:
            return b"HTTP/1.1 200 OK\r\n\r\n" + bytes(300_000)
        return b"nonsense\r\n\r\n" if b"/odd" in request else OK

    async with server(answer) as one:
        services = [(kind, f"{one.url}/{kind}") for kind in ("compute", "endless", "fine", "hangs", "odd", "zen")]
        async with server(lambda _: token(*services)) as cloud:
            outcome = await log_in(cloud.url, CREDENTIALS)

    assert words(outcome) == {
        "LoggedIn": "TRUE",
        "Endpoint/compute": "TRUE",
        "Endpoint/endless": "TRUE",
        "Endpoint/fine": "TRUE",
        "Endpoint/hangs": "FALSE TIMEOUT",
        "Endpoint/odd": "FALSE PROTOCOL",
        "Endpoint/zen": "TRUE",
    }


async def test_a_catalogue_that_takes_too_long_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_checks, "ALL_S", 0.2)
    async with server(lambda _: asyncio.Event().wait()) as one:  # type: ignore[arg-type, return-value]  # never answers
        services = [(kind, f"{one.url}/{kind}") for kind in ("compute", "image")]
        async with server(lambda _: token(*services)) as cloud:
            outcome = await log_in(cloud.url, CREDENTIALS)

    assert words(outcome)["Endpoint/image"] == "UNKNOWN LOCAL_RESOURCES"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nok", "ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", "RESET"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "RESET"),
        (b"", "RESET"),
        (b"SSH-2.0-x\r\n", "PROTOCOL"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n", "PROTOCOL"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + bytes(MAX_BODY_BYTES + 1), "PROTOCOL"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 900_000, "PROTOCOL"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxx", "PROTOCOL"),
    ],
)
async def test_answers_are_read_within_bounds(answer: bytes, expected: str) -> None:
    async with server(lambda _: answer, keeps=False) as peer:
        if expected == "ok":
            assert (await posted(peer.url)).body == b"ok"
        else:
            assert await reason_of(posted(peer.url)) == expected


async def test_nobody_there() -> None:
    async with server(lambda _: OK) as gone:
        pass

    assert await reason_of(got(gone.url)) == "REFUSED"
    assert words(await log_in(gone.url, CREDENTIALS)) == {"LoggedIn": "FALSE REFUSED"}


async def test_names_are_looked_up_and_each_address_is_tried() -> None:
    async with server(lambda _: OK) as peer:

        async def look_up(name: str) -> Outcome:
            if name == "lost.example":
                return LookupFailed("no answer")
            if name == "none.example":
                return NoSuchName("no such name")
            return (IpHost(2, "127.0.0.9"), IpHost(2, "10.0.0.1"), IpHost(2, "127.0.0.1"))

        rules = TargetRules(allow=parse_networks("127.0.0.0/8"), deny=parse_networks("10.0.0.0/8"))
        client = login_client(rules)
        client._look_up = look_up

        assert (await got(f"http://two.example:{peer.port}/", client)).status == 200
        assert b"Host: two.example:" in peer.requests[0]
        assert await reason_of(got(f"http://none.example:{peer.port}/", client)) == "DNS"
        with pytest.raises(LocalFault) as raised:
            await got(f"http://lost.example:{peer.port}/", client)
        assert raised.value.reason == "LOCAL_RESOLVER"


async def test_what_cannot_log_in_connects_to_nobody() -> None:
    async with server(lambda _: OK) as peer:
        for kind, auth_cred, expected in (
            ("openstack", {}, "FALSE NO_CREDENTIALS"),
            ("kubernetes", {}, "FALSE NO_CREDENTIALS"),
            ("kubernetes", {"bearer_token": "a\r\nb"}, "FALSE NO_CREDENTIALS"),
            ("kubernetes", {"oidc_token_url": "http://x.example"}, "UNKNOWN NOT_SUPPORTED"),
            ("vmware", CREDENTIALS, "UNKNOWN NOT_SUPPORTED"),
        ):
            assert words(await log_in(peer.url, auth_cred, kind=kind)) == {"LoggedIn": expected}
        assert peer.connections == 0
