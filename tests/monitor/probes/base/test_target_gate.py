"""What must not be probed is sent no packet, however a VIM spells its address: a packet filter counts."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.clouds.targets import FakeApi, fake_api
from tests.support.networks.guarded import OWN, VIMS, VIMS_V6, denied_packets, guard
from tests.support.networks.inside import run_inside
from tests.support.networks.name_server import NameServer, name_server
from tests.support.networks.namespaces import Namespace
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.verdicts import Verdicts
from vimesh.domain.endpoints import AuthUrlInvalid
from vimesh.domain.probing import Method, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.build_host import HostSettings, hosting
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base import target_gate
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.probes.base.target_gate import TargetGate
from vimesh.target_rules.fleet_addresses import FleetAddresses
from vimesh.target_rules.networks import parse_networks
from vimesh.target_rules.target_rules import TargetRules

MONITOR = Path(target_gate.__file__).parents[2]
VIM = "127.0.1.5"
NAME = "vim.example"
ONLY_VIMS = TargetRules(allow=parse_networks(f"{VIMS},{VIMS_V6}"))
ALL = TargetRules(allow=parse_networks("0.0.0.0/0,::/0"))
DENIED = {
    "loopback": ("127.0.0.1", "127.9.9.9", "[::1]", "localhost", "localhost.", "LocalHost"),
    "unspecified": ("0.0.0.0", "0.1.2.3", "[::]"),
    "link-local": ("169.254.7.7", "[fe80::1%lo]"),
    "cloud metadata": ("169.254.169.254", "[fd00:ec2::254]"),
    "multicast": ("224.0.0.1", "[ff02::1%lo]"),
    "broadcast": ("255.255.255.255",),
    "the fleet's own": (OWN, f"[::ffff:{OWN}]", "[64:ff9b::c000:201]"),
}
LOOPBACK_IN_IPV6 = (
    *("[::ffff:127.0.0.1]", "[::FFFF:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::ffff:0:127.0.0.1]", "[::127.0.0.1]"),
    *(
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::127.0.0.1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[2001:0:4136:e378::80ff:fffe]",
    ),
)
NUMBERS = ("127.1", "0x7f.1", "2130706433", "0x7f000001", "0177.0.0.1", "017700000001", "127.0.0.1.", "0x7f.0.0.0x1")


@asynccontextmanager
async def probing(
    rules: TargetRules, names: NameServer | None = None
) -> AsyncGenerator[tuple[ActionHost, Verdicts, FakeApi]]:
    verdicts = Verdicts()
    settings = HostSettings(rules=rules, name_servers=() if names is None else (names.address,))
    # The API answers at each address of the machine.
    async with fake_api("0.0.0.0") as api:
        with hosting(verdicts.note, settings) as host:
            yield host, verdicts, api


def inside(machine: Namespace, test: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run a test where the packet filter counts."""
    guard(machine)
    run_inside(machine, lambda: asyncio.run(test()))


@pytest.mark.parametrize("method", Method)
def test_what_is_denied_is_sent_no_packet(machine: Namespace, method: Method) -> None:
    async def test() -> None:
        async with probing(ONLY_VIMS) as (host, verdicts, api):
            kinds = {name: kind for kind, names in (*DENIED.items(), ("loopback", LOOPBACK_IN_IPV6)) for name in names}
            for name in (*kinds, VIM):
                host.start(action(f"http://{name}:{api.port}/", quick_policy(method), vim_id=name))

            assert (await verdicts.judged(VIM)).status is Status.REACHABLE
            for name, kind in kinds.items():
                verdict = await verdicts.judged(name)
                assert (verdict.status, verdict.reason) == (Status.UNKNOWN, Reason.LOCAL_DENIED), name
                assert verdict.detail == f"{kind} addresses are not probed unless probe_allow names them", name

    inside(machine, test)

    assert denied_packets(machine) == 0


@pytest.mark.parametrize("method", Method)
def test_the_filter_would_count_what_is_sent(machine: Namespace, method: Method) -> None:
    async def test() -> None:
        async with probing(ALL) as (host, verdicts, api):
            for name in ("127.0.0.1", OWN):
                host.start(action(f"http://{name}:{api.port}/", quick_policy(method), vim_id=name))
                await verdicts.until(name, Status.REACHABLE)

    inside(machine, test)

    assert denied_packets(machine) >= 2


@pytest.mark.parametrize("host_part", NUMBERS)
def test_a_number_is_no_address(machine: Namespace, host_part: str) -> None:
    async def test() -> None:
        with name_server("127.0.1.53") as names:
            async with probing(ONLY_VIMS, names) as (host, verdicts, api):
                try:
                    host.start(action(f"http://{host_part}:{api.port}/", quick_policy()))
                except AuthUrlInvalid:
                    return
                assert (await verdicts.judged("vim")).reason == Reason.DNS

    inside(machine, test)

    assert denied_packets(machine) == 0


@pytest.mark.parametrize("method", Method)
def test_a_name_that_moves_to_a_denied_address_is_not_followed(machine: Namespace, method: Method) -> None:
    async def test() -> None:
        with name_server("127.0.1.53") as names:
            names.serve(NAME, VIM, ttl_s=3600)
            async with probing(ONLY_VIMS, names) as (host, verdicts, api):
                host.start(action(f"http://{NAME}:{api.port}/", quick_policy(method)))
                await verdicts.until("vim", Status.REACHABLE)

                # The old address falls silent, so the name is looked up again before that is believed.
                names.serve(NAME, "127.0.0.1", "::1")
                machine.drop([VIM])

                verdict = await verdicts.until("vim", Status.UNKNOWN)
                assert verdict.reason == Reason.LOCAL_DENIED

    inside(machine, test)

    assert denied_packets(machine) == 0


def test_a_name_that_leads_elsewhere_with_each_answer_is_judged_at_each_connection(machine: Namespace) -> None:
    async def test() -> None:
        with name_server("127.0.1.53") as names:
            names.serve(NAME, VIM, ttl_s=0)
            async with probing(ONLY_VIMS, names) as (host, verdicts, api):
                host.start(action(f"http://{NAME}:{api.port}/", quick_policy(Method.TCP)))
                for _ in range(2):
                    await verdicts.until("vim", Status.REACHABLE)
                    names.serve(NAME, "127.0.0.1", ttl_s=0)
                    assert (await verdicts.until("vim", Status.UNKNOWN)).reason == Reason.LOCAL_DENIED
                    names.serve(NAME, VIM, ttl_s=0)
                await verdicts.until("vim", Status.REACHABLE)

    inside(machine, test)

    assert denied_packets(machine) == 0


def test_a_denied_address_of_a_name_does_not_hide_one_that_is_allowed(machine: Namespace) -> None:
    async def test() -> None:
        with name_server("127.0.1.53") as names:
            names.serve(NAME, "::1", "127.0.0.1", "169.254.169.254", VIM)
            async with probing(ONLY_VIMS, names) as (host, verdicts, api):
                host.start(action(f"http://{NAME}:{api.port}/", quick_policy()))

                assert (await verdicts.judged("vim")).status is Status.REACHABLE

    inside(machine, test)

    assert denied_packets(machine) == 0


def test_a_redirect_is_not_followed(machine: Namespace) -> None:
    async def test() -> None:
        async with probing(ONLY_VIMS) as (host, verdicts, api):
            api.status_line = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{api.port}/admin"
            host.start(action(f"http://{VIM}:{api.port}/v3", quick_policy()))

            assert (await verdicts.judged("vim")).status is Status.REACHABLE
            await api.asked(3)
            assert not [request for request in api.requests if "admin" in request]

    inside(machine, test)

    assert denied_packets(machine) == 0


def test_nothing_is_sent_while_the_addresses_of_the_machine_cannot_be_read() -> None:
    def fail() -> frozenset[bytes]:
        raise PermissionError(13, "Permission denied")

    gate = TargetGate(TargetRules(), FleetAddresses(clock=time.monotonic, read=fail))

    with pytest.raises(LocalFault, match="cannot read the addresses of this machine: Permission denied") as raised:
        gate.check(ProbeAddress(2, ("203.0.113.9", 80)))
    assert raised.value.reason == Reason.LOCAL_RESOURCES


def test_each_connection_and_ping_is_made_behind_the_gate() -> None:
    """Trials, repeats and queued probes have no door of their own."""
    sources = {str(path.relative_to(MONITOR)): path.read_text() for path in MONITOR.rglob("*.py")}

    def those_with(pattern: str) -> set[str]:
        return {path for path, source in sources.items() if re.search(pattern, source)}

    assert those_with(r"socket\.socket\(|create_connection\(|open_connection\(") == {
        "logins/clouds/bounded_client.py",
        "probes/base/connection.py",
        "probes/icmp/icmp_socket.py",
        "probes/tcp/own_output.py",  # sends where a connection request is under way
    }
    assert those_with(r"(return|=) (Https?)?Connection\(") == {"probes/tcp/connector.py"}
    assert those_with(r"pinger\.send\(") == {"probes/icmp/ping_prober.py"}
    assert those_with(r"gate\.check\(address\)") == {
        "logins/clouds/bounded_client.py",
        "probes/tcp/connector.py",
        "probes/icmp/ping_prober.py",
    }
