"""What else holds at the doors of a front: for reporters, without security, and towards conductors."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from grpc import aio

from tests.support.callers.caller import ask
from tests.support.deployments.envoys import PLAIN, running_envoy
from tests.support.identities.callers import LIMIT_S, NOT_CONNECTED, PASSED, ask_tls, call
from tests.support.identities.certified import Certified, KeyPair
from tests.support.identities.recording_backends import CALL, recording_api, recording_conductor
from tests.support.identities.secured_fleets import SecuredFleet, secured, secured_fleet
from tests.support.identities.tokens import claims_of
from vimesh.certificates.spiffe_ids import Role
from vimesh.envoy.fleet.front_fleet import FrontFleet

GET_VIM = "/vimesh.v1.VimService/GetVim"
UPDATE_VIM = "/vimesh.v1.ConductorService/UpdateVim"
CLAIM = "/vimesh.v1.WorkflowService/ClaimWorkflowTasks"
FORGED = {
    "x-vimesh-identity": "spiffe://vimesh/cli/admin",
    "x-vimesh-roles": "admin",
    "x-vimesh-projects": "*",
    "x_vimesh_roles": "admin",
    "x-vimesh_roles": "admin",
}
NAME = (("grpc.ssl_target_name_override", "localhost"),)


async def at_second_door(fleet: SecuredFleet, pair: KeyPair | None, path: str, headers: dict[str, str]) -> str:
    credentials = fleet.certified.channel_credentials(pair)
    async with aio.secure_channel(fleet.envoy.reports_address, credentials, options=NAME) as channel:
        return await call(channel, path, headers)


async def at_front(fleet: SecuredFleet, pair: KeyPair | None, path: str, headers: dict[str, str]) -> str:
    async with aio.secure_channel(fleet.front, fleet.certified.channel_credentials(pair)) as channel:
        return await call(channel, path, headers)


async def test_the_second_door_is_for_certificates_of_the_fleets_own_processes(tmp_path: Path) -> None:
    async with secured_fleet(tmp_path) as fleet:
        pairs = {role: fleet.certified.pair(role, "x") for role in (Role.MONITOR, Role.API, Role.NOTIFIER)}
        admin = fleet.certified.pair(Role.CLI, "admin")
        token = {"authorization": f"Bearer {fleet.key.sign(claims_of('ada', vimesh_roles='admin'))}"}

        ends = {
            "monitor": await at_second_door(fleet, pairs[Role.MONITOR], UPDATE_VIM, {CALL: "monitor", **FORGED}),
            "monitor reads": await at_second_door(fleet, pairs[Role.MONITOR], GET_VIM, {}),
            # Tokens are not looked at here.
            "monitor with a token": await at_second_door(fleet, pairs[Role.MONITOR], UPDATE_VIM, {CALL: "t", **token}),
            "api": await at_second_door(fleet, pairs[Role.API], CLAIM, {}),
            "api reads": await at_second_door(fleet, pairs[Role.API], GET_VIM, {}),
            "notifier": await at_second_door(fleet, pairs[Role.NOTIFIER], GET_VIM, {}),
            "notifier reports": await at_second_door(fleet, pairs[Role.NOTIFIER], UPDATE_VIM, {}),
            "admin": await at_second_door(fleet, admin, GET_VIM, {}),
            "token": await at_second_door(fleet, None, GET_VIM, token),
        }

        said = {"identity": "spiffe://vimesh/monitor/x", "roles": "reporter", "projects": "*"}
        assert fleet.conductor.calls["monitor"].identity == fleet.conductor.calls["t"].identity == said
        assert "authorization" not in fleet.conductor.calls["t"].headers
    refused = "PERMISSION_DENIED ROLE_MISSING"
    assert ends == {
        "monitor": PASSED,
        "monitor reads": refused,
        "monitor with a token": PASSED,
        "api": PASSED,
        "api reads": PASSED,
        "notifier": PASSED,
        "notifier reports": refused,
        "admin": refused,
        "token": NOT_CONNECTED,
    }


async def test_a_token_in_a_query_proves_nothing(tmp_path: Path) -> None:
    async with secured_fleet(tmp_path) as fleet:
        token = fleet.key.sign(claims_of("ada", vimesh_roles="admin"))
        context = fleet.certified.client_context(tmp_path)

        answer = await ask_tls(fleet.front, ("GET", f"/v1.0/vims?access_token={token}"), context, {CALL: "1"})

        assert (answer.status, fleet.api.calls) == (401, {})


async def test_with_keystone_tackers_rest_is_left_to_api_processes_and_nothing_else_is(tmp_path: Path) -> None:
    async with secured_fleet(tmp_path, keystone=True) as fleet:
        monitor = fleet.certified.client_context(tmp_path, fleet.certified.pair(Role.MONITOR, "m1"))
        nobody = fleet.certified.client_context(tmp_path)
        token, bad = {"x-auth-token": "of Keystone"}, {"authorization": "Bearer bad"}
        rest, json_door = ("GET", "/v1.0/vims"), ("GET", "/v1/vims")
        asked = {
            "stranger": (rest, nobody, {}),
            "stranger changes": (("DELETE", "/v1.0/vims/1"), nobody, {}),
            "forged": (rest, nobody, FORGED),
            "token": (rest, nobody, token),
            "token of a monitor": (rest, monitor, token),
            "monitor": (rest, monitor, {}),
            "bad bearer": (rest, nobody, {**token, **bad}),
            "JSON": (json_door, nobody, token),
            "elsewhere": (("GET", "/v1.0"), nobody, token),
        }
        ends = {
            name: (await ask_tls(fleet.front, request, context, {CALL: name, **headers})).status
            for name, (request, context, headers) in asked.items()
        }
        second = await at_second_door(fleet, None, GET_VIM, token)
        by_grpc = await at_front(fleet, None, GET_VIM, token)

        told = {name: received.identity for name, received in fleet.api.calls.items()}
        assert fleet.conductor.calls == {}
        assert fleet.api.calls["token"].headers["x-auth-token"] == "of Keystone"
    assert ends == {
        "stranger": 200,
        "stranger changes": 200,
        "forged": 200,
        "token": 200,
        "token of a monitor": 200,
        "monitor": 403,
        "bad bearer": 401,
        "JSON": 401,
        "elsewhere": 401,
    }
    of_monitor = {"identity": "spiffe://vimesh/monitor/m1", "roles": "reporter", "projects": "*"}
    assert told == {
        "stranger": {},
        "stranger changes": {},
        "forged": {},
        "token": {},
        "token of a monitor": of_monitor,
    }
    assert (second, by_grpc) == (NOT_CONNECTED, "UNAUTHENTICATED IDENTITY_MISSING")


async def test_strangers_are_refused_before_their_bodies_are_read(tmp_path: Path) -> None:
    """An announced body of which nothing follows would be waited for."""
    async with secured_fleet(tmp_path) as fleet:
        context = fleet.certified.client_context(tmp_path)
        host, _, port = fleet.front.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
        head = (
            "POST /v1/vims HTTP/1.1\r\nhost: front\r\ncontent-type: application/json\r\ncontent-length: 500000\r\n\r\n"
        )
        writer.write(head.encode())
        async with asyncio.timeout(LIMIT_S):
            status = await reader.readline()
        writer.close()

    assert status.startswith(b"HTTP/1.1 401")


async def test_an_open_front_lets_nobody_say_who_calls() -> None:
    async with (
        recording_conductor() as conductor,
        recording_api() as api,
        running_envoy([conductor.address], api=[api.address]) as envoy,
    ):
        await envoy.until_healthy([conductor.address])
        for door, target in (("front", envoy.address), ("reports", envoy.reports_address)):
            async with aio.insecure_channel(target) as channel:
                assert await call(channel, GET_VIM, {CALL: door, **FORGED}) == PASSED
        json_headers = {CALL: "json", **FORGED}
        assert (await ask(envoy.address, "GET", "/v1/vims", headers=json_headers)).status == 200
        assert (await ask(envoy.address, "GET", "/v1.0/vims", headers={CALL: "rest", **FORGED})).status == 200

    received = {**conductor.calls, **api.calls}
    assert sorted(received) == ["front", "json", "reports", "rest"]
    assert not any(each.identity for each in received.values())


async def test_trusted_proxies_pass_no_identities_on(tmp_path: Path) -> None:
    fleet = FrontFleet((), trusted_proxies=("127.0.0.1/32",))
    async with secured_fleet(tmp_path, like=fleet) as secured_front:
        reader = secured_front.certified.pair(Role.CLI, "reader")
        context = secured_front.certified.client_context(tmp_path, reader)

        answer = await ask_tls(secured_front.front, ("GET", "/v1/vims"), context, {CALL: "1", **FORGED})

        said = {"identity": "spiffe://vimesh/cli/reader", "roles": "reader", "projects": "*"}
        assert (answer.status, secured_front.conductor.calls["1"].identity) == (200, said)


@pytest.mark.parametrize("impostor", [Role.MONITOR, Role.API, Role.FRONT])
async def test_the_front_calls_conductors_only_if_their_certificates_say_so(tmp_path: Path, impostor: Role) -> None:
    certified = Certified(tmp_path / "certs")
    front, conductor = certified.part(Role.FRONT, "f"), certified.part(Role.CONDUCTOR, "c")
    like = replace(PLAIN, security=secured(certified, front))
    admin = certified.channel_credentials(certified.pair(Role.CLI, "admin"))
    async with (
        recording_conductor(certified.server_credentials(conductor)) as real,
        recording_conductor(certified.server_credentials(certified.part(impostor, "i"))) as false,
        running_envoy([real.address, false.address], like=like) as envoy,
    ):
        await envoy.until_healthy([real.address])
        async with aio.secure_channel(envoy.address, admin) as channel:
            assert [await call(channel, GET_VIM, {CALL: str(number)}) for number in range(20)] == [PASSED] * 20

    assert (len(real.calls), len(false.calls)) == (20, 0)


async def test_a_log_says_who_called_and_keeps_no_secret(tmp_path: Path) -> None:
    async with secured_fleet(tmp_path) as fleet:
        certified = fleet.certified
        token = fleet.key.sign(claims_of("olga", vimesh_roles="operator", vimesh_projects="A"))
        anonymous = certified.client_context(tmp_path)
        monitor = certified.client_context(tmp_path, certified.pair(Role.MONITOR, "m1"))
        stranger = certified.client_context(tmp_path, Certified(tmp_path / "foreign").pair(Role.CLI, "admin"))
        secret = {"authorization": f"Bearer {token}", "x-auth-token": "keystone-secret"}
        await ask_tls(fleet.front, ("GET", "/v1/vims?page_token=page-secret"), anonymous, secret)
        await ask_tls(fleet.front, ("GET", "/v1/vims?page_token=page-secret"), monitor, {})
        await ask_tls(fleet.front, ("GET", "/v1/vims"), anonymous, {"authorization": f"Bearer {token}x"})
        with pytest.raises(OSError):  # noqa: PT011 - TLS says it in several ways
            await ask_tls(fleet.front, ("GET", "/v1/vims"), stranger, {})

    text = fleet.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    requests = [line for line in lines if "status" in line]
    (refused,) = [line for line in lines if "failure" in line]
    assert [(line["identity"], line["roles"], line["projects"], line["status"]) for line in requests] == [
        ("https://idp.example#olga", "operator", "A", 200),
        ("spiffe://vimesh/monitor/m1", "reporter", "*", 403),
        (None, None, None, 401),
    ]
    assert [line["path"] for line in requests] == ["/v1/vims"] * 3
    assert requests[1]["certificate_serial"]
    assert "CERTIFICATE_VERIFY_FAILED" in refused["failure"]
    assert refused["certificate_uri"] == "spiffe://vimesh/cli/admin"
    assert "secret" not in text
    assert token.rpartition(".")[2] not in text


async def test_a_report_has_a_line_only_if_it_is_refused(tmp_path: Path) -> None:
    update_vim = "/vimesh.v1.ConductorService/UpdateVim"
    async with secured_fleet(tmp_path) as fleet:
        certified = fleet.certified
        for role, name in ((Role.MONITOR, "m1"), (Role.CLI, "reader.ann")):
            credentials = certified.channel_credentials(certified.pair(role, name))
            async with aio.secure_channel(fleet.front, credentials) as channel:
                for path in (update_vim, GET_VIM):
                    await call(channel, path, {})

    lines = [json.loads(line) for line in fleet.log.read_text().splitlines()]
    # A client that is slow to connect tries another connection, and drops one of the two: that is no request.
    requests = [line for line in lines if "status" in line]
    assert [(line["identity"].rpartition("/")[2], line["path"], line["grpc_status"]) for line in requests] == [
        ("m1", GET_VIM, "PermissionDenied"),
        ("reader.ann", update_vim, "PermissionDenied"),
        ("reader.ann", GET_VIM, "OK"),
    ]


async def test_other_protocols_are_refused_and_admitted_alike(tmp_path: Path) -> None:
    pages = FrontFleet((), connect=True, origins=("https://console.example",))
    async with secured_fleet(tmp_path, like=pages) as fleet:
        operator = f"Bearer {fleet.key.sign(claims_of('olga', vimesh_roles='operator', vimesh_projects='A'))}"
        context = fleet.certified.client_context(tmp_path)
        preflight = {
            "origin": "https://console.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization",
        }
        connect = {"content-type": "application/proto", "connect-protocol-version": "1"}
        grpc_web = {"content-type": "application/grpc-web+proto"}
        message, empty_frame = "\n\3any", "\0\0\0\0\0"

        asked = await ask_tls(fleet.front, ("OPTIONS", GET_VIM), context, preflight)
        ends = {}
        for name, headers, body in (("connect", connect, message), ("grpc-web", grpc_web, empty_frame)):
            for token, path in (("", GET_VIM), (operator, GET_VIM), (operator, UPDATE_VIM)):
                proof = {"authorization": token} if token else {}
                answer = await ask_tls(fleet.front, ("POST", path), context, {**headers, **proof}, body)
                ends[name, bool(token), path] = (answer.status, answer.headers.get("grpc-status"))

    assert asked.status == 200
    assert "authorization" in asked.headers["access-control-allow-headers"]
    assert ends == {
        ("connect", False, GET_VIM): (401, None),
        ("connect", True, GET_VIM): (200, None),
        ("connect", True, UPDATE_VIM): (403, None),
        ("grpc-web", False, GET_VIM): (200, "16"),
        ("grpc-web", True, GET_VIM): (200, None),
        ("grpc-web", True, UPDATE_VIM): (200, "7"),
    }


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_session_is_not_resumed_past_the_check_of_its_certificate(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    async with secured_fleet(tmp_path) as fleet:
        context = fleet.certified.client_context(tmp_path, fleet.certified.pair(Role.CLI, "admin"))
        context.maximum_version = version

        session, _ = await asyncio.to_thread(connect, fleet.front, context, None)
        _, resumed = await asyncio.to_thread(connect, fleet.front, context, session)

    assert not resumed


def connect(
    address: str, context: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[ssl.SSLSession | None, bool]:
    """Ask for something; return the session for a later connection, and whether this one has resumed one."""
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=LIMIT_S) as plain,
        context.wrap_socket(plain, server_hostname=host, session=session) as secure,
    ):
        secure.sendall(b"GET /healthz HTTP/1.1\r\nhost: front\r\n\r\n")
        assert secure.recv(1024).startswith(b"HTTP/1.1 200")
        return secure.session, bool(secure.session_reused)
