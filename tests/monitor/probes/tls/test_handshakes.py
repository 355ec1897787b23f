from __future__ import annotations

import select
import socket
import time
from collections.abc import Generator

import pytest

from tests.support.probers.actions import action
from tests.support.probers.handshaking import handshake_threads
from tests.support.probers.loopback_rules import LOOPBACK_RULES
from vimesh.domain.probing import Reason
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.probes.base.target_gate import TargetGate
from vimesh.monitor.probes.idle.idle_connections import IdleConnections
from vimesh.monitor.probes.idle.server_memory import ServerMemory
from vimesh.monitor.probes.tcp.connector import ProbeConnector
from vimesh.monitor.probes.tls.handshake_costs import HandshakeCosts
from vimesh.monitor.probes.tls.handshake_step import HandshakeStep
from vimesh.monitor.probes.tls.handshakes import Handshakes
from vimesh.monitor.probes.tls.tls_session import TlsSession
from vimesh.monitor.probes.tls.tls_trust import lenient_context
from vimesh.monitor.targets.target import Target
from vimesh.target_rules.fleet_addresses import FleetAddresses

PATIENCE_S = 15
HERE = ProbeAddress(socket.AF_INET, ("127.0.0.1", 443))


@pytest.fixture
def connection() -> Generator[Connection]:
    made = Connection(Target(action("https://127.0.0.1")), 1, HERE, lambda: 0.0)
    yield made
    made.close()


def step_of(connection: Connection, received: bytes) -> HandshakeStep:
    session = TlsSession(lenient_context(), "127.0.0.1")
    session.start_handshake()
    return HandshakeStep(connection, session, received, 0.0)


def computed(handshakes: Handshakes) -> list[Connection]:
    """Wait until the threads have told something."""
    readable, _, _ = select.select([handshakes.fileno()], [], [], PATIENCE_S)
    assert readable, "nothing was computed"
    return list(handshakes.take_computed())


def test_a_failure_comes_back_as_reason_and_detail(connection: Connection) -> None:
    step = step_of(connection, b"SSH-2.0-OpenSSH_9.2\r\n")
    with handshake_threads() as handshakes:
        handshakes.submit(step)

        assert computed(handshakes) == [connection]
    assert step.failure == (Reason.TLS, "wrong version number")


def test_a_step_whose_probe_has_ended_is_not_computed(connection: Connection) -> None:
    step = step_of(connection, b"anything")
    step.is_cancelled = True
    with handshake_threads() as handshakes:
        handshakes.submit(step)

        assert computed(handshakes) == []
    assert not step.is_computed


@pytest.mark.parametrize("known_before", [True, False])
def test_steps_of_costly_servers_are_computed_apart(connection: Connection, *, known_before: bool) -> None:
    costly = step_of(connection, b"")
    costly.cpu_s = costly.session.cpu_s = 0.2
    told: list[float] = []
    step = step_of(connection, b"anything")
    with handshake_threads(on_costly=lambda _, cpu_s: told.append(cpu_s)) as handshakes:
        if known_before:
            handshakes.record_cost(costly)
            handshakes.submit(step)
        else:
            # As if it had stood in line while the other one was computed.
            handshakes.submit(step)
            handshakes.record_cost(costly)
        while not step.is_computed:
            computed(handshakes)

    assert told == [0.2]
    assert step.is_costly or not known_before


def test_costly_servers_whose_share_is_used_up_are_not_connected_to() -> None:
    costs = HandshakeCosts(time.monotonic)
    target = Target(action("https://127.0.0.1"))
    with Handshakes(clock=time.monotonic, costs=costs, on_costly=lambda _, __: None) as handshakes:
        connector = ProbeConnector(
            gate=TargetGate(LOOPBACK_RULES, FleetAddresses(clock=time.monotonic)),
            clock=time.monotonic,
            user_agent="vimesh/test",
            kept=IdleConnections(
                clock=time.monotonic, servers=ServerMemory(clock=time.monotonic), most=1, most_encrypted=1
            ),
            verifying=lenient_context(),
            handshakes=handshakes,
        )
        connector.connect(target, 1, HERE).close()
        costs.record(HERE, 5.0, 5.0)

        with pytest.raises(LocalFault, match="its TLS handshakes cost too much CPU: 5000 ms"):
            connector.connect(target, 1, HERE)
