"""Every process answers a supervisor that has no certificate, whatever it shows to the front."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from tests.support.callers.running import running
from tests.support.clouds.targets import free_port
from vimesh.rpc.ports.health_port import LIVE

WITHIN_S = 60.0


@pytest.mark.parametrize(
    "command",
    [
        ("monitor",),
        ("notify",),
        ("api", "--listen", "127.0.0.1:0"),
        ("bridge", "--transport-url", "rabbit://nobody:x@127.0.0.1:9/", "--state-dir", "state/bridge"),
    ],
    ids=lambda command: command[0],
)
def test_a_process_says_that_it_lives_and_works(tmp_path: Path, command: tuple[str, ...]) -> None:
    port = free_port()
    flags = ("--address", f"127.0.0.1:{free_port()}", "--probe-listen", f"127.0.0.1:{port}")
    with running(tmp_path, *command, *flags) as process, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = HealthStub(channel)
        live = stub.Check(HealthCheckRequest(service=LIVE), timeout=WITHIN_S, wait_for_ready=True)
        assert live.status == HealthCheckResponse.SERVING
        while stub.Check(HealthCheckRequest(), timeout=WITHIN_S).status != HealthCheckResponse.SERVING:
            assert process.process.poll() is None
        process.process.terminate()
        assert process.ended() == 0
