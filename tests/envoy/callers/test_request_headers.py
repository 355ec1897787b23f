"""Headers by which one caller could spoil the calls of others: gRPC remembers what it could not parse."""

from __future__ import annotations

from grpc import aio

from tests.support.callers.caller import LIMIT_S, Answer, ask
from tests.support.deployments.envoys import RunningEnvoy
from vimesh.v1 import vim_service_pb2
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

_ROUNDS = 8
"""Each of Envoy's workers has connections of its own to each conductor: some rounds for each."""
_UNREADABLE = {
    "grpc-timeout": "a",
    "grpc-previous-rpc-attempts": "a",
    "grpc-retry-pushback-ms": "a",
    "grpc-encoding": "a",
    "grpc-accept-encoding": "a",
    "grpc-internal-encoding-request": "a",
    "grpc-trace-bin": "*",
    "grpc-tags-bin": "%",
    "grpc-server-stats-bin": "*",
    "a-bin": "*",
    "grpc-status": "a",
    "lb-token": "a",
}
_GRPC = {"content-type": "application/grpc", "te": "trailers"}
_EMPTY_MESSAGE = bytes(5)


_GET = "/vimesh.v1.VimService/GetVim"


async def _require_served(channel: aio.Channel) -> None:
    stub = VimServiceStub(channel)
    for _ in range(_ROUNDS):
        await stub.GetVim(vim_service_pb2.GetVimRequest(vim_id="some"), timeout=LIMIT_S)


async def _call(envoy: RunningEnvoy, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(envoy.address, "POST", _GET, _EMPTY_MESSAGE, headers={**_GRPC, **named})


async def test_json_requests_are_served_whatever_headers_of_grpc_they_bring(
    envoy: RunningEnvoy, channel: aio.Channel
) -> None:
    for name, value in _UNREADABLE.items():
        for _ in range(_ROUNDS):
            assert (await ask(envoy.address, "GET", "/v1/vims/some", headers={name: value})).status == 200, name
        await _require_served(channel)


async def test_a_deadline_of_grpc_means_nothing_to_a_json_request(envoy: RunningEnvoy) -> None:
    answer = await ask(envoy.address, "GET", "/v1/vims/some", headers={"grpc-timeout": "1n"})

    assert answer.status == 200


async def test_what_grpc_cannot_parse_harms_no_other_caller(envoy: RunningEnvoy, channel: aio.Channel) -> None:
    for name, value in _UNREADABLE.items():
        for _ in range(_ROUNDS):
            answer = await _call(envoy, **{name: value})
            assert (answer.status, answer.headers.get("grpc-status") == "13") == (200, False), name
        await _require_served(channel)


async def test_a_malformed_deadline_is_refused(envoy: RunningEnvoy, channel: aio.Channel) -> None:
    for timeout in ("a", "", "-1S", "1", "123456789S", "1S,1S", "1s"):
        answer = await _call(envoy, grpc_timeout=timeout)
        assert (answer.status, answer.headers["grpc-status"]) == (200, "3"), timeout
    await _require_served(channel)


async def test_a_compression_that_no_conductor_reads_is_refused(envoy: RunningEnvoy) -> None:
    answer = await _call(envoy, grpc_encoding="snappy")

    assert (answer.status, answer.headers["grpc-status"]) == (200, "12")
