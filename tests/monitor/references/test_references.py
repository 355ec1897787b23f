"""References on real sockets: those that are odd, slow, hostile, denied, without an address, or VIMs themselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, closing, contextmanager

import pytest
from structlog.testing import capture_logs

from tests.support.clouds.targets import FakeApi, fake_api
from tests.support.networks.name_server import NXDOMAIN, SERVFAIL, SILENT, Script, name_server
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.probers.scripted_prober import SimulatedHost, Timer
from tests.support.probers.verdicts import PATIENCE_S, Verdicts
from vimesh.domain.errors import BadSetting
from vimesh.domain.probing import Method, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.build_host import HostSettings, hosting
from vimesh.monitor.names.resolver import Resolver
from vimesh.monitor.probes.base.target_gate import TargetGate
from vimesh.monitor.references.reference_addresses import parse_references
from vimesh.monitor.references.reference_probes import Reference, ReferenceProbes
from vimesh.monitor.references.uplink import Uplink
from vimesh.target_rules.fleet_addresses import FleetAddresses
from vimesh.target_rules.networks import parse_networks
from vimesh.target_rules.target_rules import TargetRules

POLICY = quick_policy(Method.TCP, interval_s=0.3, timeout_s=0.5, fall=2)


class Peer:
    """A server that may go away and come back."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.port = 0
        self._server: asyncio.Server | None = None

    @property
    def text(self) -> str:
        return f"{self.host}:{self.port}"

    async def up(self) -> None:
        async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with closing(writer):
                pass

        self._server = await asyncio.start_server(accept, self.host, self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    def down(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


@asynccontextmanager
async def peers(*hosts: str) -> AsyncGenerator[list[Peer]]:
    made = [Peer(host) for host in hosts]
    try:
        for one in made:
            await one.up()
        yield made
    finally:
        for one in made:
            one.down()


@contextmanager
def probing(verdicts: Verdicts, *references: str, name_servers: tuple[str, ...] = ()) -> Generator[ActionHost]:
    settings = loopback_settings(references=parse_references(",".join(references)), name_servers=name_servers)
    with hosting(verdicts.note, settings) as host:
        yield host


async def until(holds: Callable[[], object]) -> None:
    """Wait for what the host only notes, and tells nobody."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


def references_of(host: ActionHost) -> tuple[Reference, ...]:
    assert host.references is not None
    return host.references.references


def fails(host: ActionHost) -> bool:
    assert host.references is not None
    return host.references.uplink.is_failing


async def test_when_all_references_fail_nobody_is_accused_and_each_change_is_logged_once(verdicts: Verdicts) -> None:
    async with peers("127.0.0.1", "127.0.0.2", "127.0.0.3") as (vim, *others):
        with probing(verdicts, *(one.text for one in others)) as host, capture_logs() as logs:
            host.start(action(f"http://{vim.text}", POLICY))
            await verdicts.until("vim", Status.REACHABLE)

            for one in (vim, *others):
                one.down()
            verdict = await verdicts.until("vim", Status.UNKNOWN)
            assert verdict.reason == Reason.LOCAL_NETWORK
            for one in (vim, *others):
                await one.up()
            await verdicts.until("vim", Status.REACHABLE)
            await until(lambda: not fails(host))

    assert [verdict.status for verdict in verdicts.all] == [Status.REACHABLE, Status.UNKNOWN, Status.REACHABLE]
    events = [entry["event"] for entry in logs if "no reference answers" in entry["event"]]
    assert len(events) == 1
    assert [entry["log_level"] for entry in logs if entry["event"].startswith("references answer again")] == ["info"]


async def test_when_references_answer_again_vims_do_not_wait_for_their_next_round(verdicts: Verdicts) -> None:
    policy = quick_policy(Method.TCP, interval_s=3600, timeout_s=0.5, fall=1)
    async with peers("127.0.0.1", "127.0.0.2", "127.0.0.3") as (vim, *others):
        for one in (vim, *others):
            one.down()
        with probing(verdicts, *(one.text for one in others)) as host:
            host.start(action(f"http://{vim.text}", policy))
            assert (await verdicts.until("vim", Status.UNKNOWN)).reason == Reason.LOCAL_NETWORK
            for one in (vim, *others):
                await one.up()
            await verdicts.until("vim", Status.REACHABLE)


async def test_when_one_reference_fails_nothing_changes(verdicts: Verdicts) -> None:
    async with peers("127.0.0.1", "127.0.0.2", "127.0.0.3") as (vim, gone, other):
        gone.down()
        with probing(verdicts, gone.text, other.text) as host, capture_logs() as logs:
            host.start(action(f"http://{vim.text}", POLICY))
            await verdicts.until("vim", Status.REACHABLE)
            vim.down()
            verdict = await verdicts.until("vim", Status.UNREACHABLE)
            await until(lambda: [one.is_up for one in references_of(host)] == [False, True])
            assert host.references is not None
            assert host.references.summary() == "1/2"

    assert verdict.reason == Reason.REFUSED
    assert Reason.REFUSED in references_of(host)[0].why
    assert [entry["reference"] for entry in logs if entry["event"] == "a reference does not answer"] == [gone.text]


async def test_a_reference_may_be_a_vim(verdicts: Verdicts) -> None:
    async with peers("127.0.0.1", "127.0.0.2") as (first, second):
        with probing(verdicts, first.text, second.text) as host:
            host.start(action(f"http://{first.text}", POLICY, vim_id="first"))
            host.start(action(f"http://{second.text}", POLICY, vim_id="second"))
            await verdicts.until("first", Status.REACHABLE)
            await verdicts.until("second", Status.REACHABLE)

            first.down()
            await verdicts.until("first", Status.UNREACHABLE)
            second.down()
            # Nothing tells any more whether it is both of them, or our network.
            await verdicts.until("second", Status.UNKNOWN)
            await verdicts.until("first", Status.UNKNOWN)
            host.stop("first", "action")
            await second.up()
            await verdicts.until("second", Status.REACHABLE)


async def test_names_keep_their_addresses_while_name_servers_fail(verdicts: Verdicts) -> None:
    async with peers("127.0.0.1", "127.0.0.2", "127.0.0.3") as (vim, one, two):
        with name_server() as dns:
            dns.serve("one.example", one.host, ttl_s=1)
            dns.serve("two.example", two.host, ttl_s=1)
            names = (f"one.example:{one.port}", f"two.example:{two.port}")
            with probing(verdicts, *names, name_servers=(dns.address,)) as host:
                host.start(action(f"http://{vim.text}", POLICY))
                await until(lambda: all(reference.is_up for reference in references_of(host)))
                for name in ("one.example", "two.example"):
                    dns.script(name, a=SERVFAIL, aaaa=SERVFAIL)
                vim.down()
                await verdicts.until("vim", Status.UNREACHABLE)
                assert not fails(host)


@pytest.mark.parametrize(("script", "why"), [(NXDOMAIN, Reason.DNS), (SERVFAIL, Reason.LOCAL_RESOLVER), (SILENT, "")])
async def test_references_that_were_never_found_fail(verdicts: Verdicts, script: Script, why: str) -> None:
    async with peers("127.0.0.1", "127.0.0.2") as (vim, other):
        other.down()
        with name_server() as dns:
            dns.script("*.example", a=script, aaaa=script)
            with probing(verdicts, "one.example:1", "two.example", name_servers=(dns.address,)) as host:
                host.start(action(f"http://{vim.text}", POLICY))
                host.start(action(f"http://{other.text}", POLICY, vim_id="down"))
                await verdicts.until("down", Status.UNKNOWN)
                await verdicts.until("vim", Status.REACHABLE)
                await until(lambda: all(one.is_up is False for one in references_of(host)))

    assert all(why in one.why for one in references_of(host))
    assert [verdict.reason for verdict in verdicts.of("down")] == [Reason.LOCAL_NETWORK]


def test_references_that_the_rules_forbid_are_refused_at_the_start(verdicts: Verdicts) -> None:
    async def start(text: str) -> None:
        with hosting(verdicts.note, HostSettings(references=parse_references(text), rules=rules)):
            pass

    rules = TargetRules(deny=parse_networks("192.0.2.0/24"))
    with pytest.raises(BadSetting, match=r"monitor.references: 192.0.2.7:80: the rule probe_deny 192.0.2.0/24 forbids"):
        asyncio.run(start("198.51.100.1,192.0.2.7:80"))
    with pytest.raises(BadSetting, match=r"monitor.references: 127.0.0.1: loopback addresses are not probed unless"):
        asyncio.run(start("127.0.0.1,198.51.100.1"))


async def test_a_name_that_leads_to_a_forbidden_address_proves_nothing(verdicts: Verdicts) -> None:
    async with peers("127.0.0.1", "127.0.0.2") as (vim, forbidden):
        rules = TargetRules(allow=parse_networks("127.0.0.1"))
        with name_server() as dns:
            dns.serve("a.example", forbidden.host)
            dns.serve("b.example", forbidden.host)
            references = parse_references(f"a.example:{forbidden.port},b.example")
            settings = HostSettings(references=references, rules=rules, name_servers=(dns.address,))
            with hosting(verdicts.note, settings) as host:
                vim.down()
                host.start(action(f"http://{vim.text}", POLICY))
                await verdicts.until("vim", Status.UNKNOWN)

    assert all(Reason.LOCAL_DENIED in one.why for one in references_of(host))


async def test_a_hostile_reference_harms_nobody_and_proves_nothing(verdicts: Verdicts) -> None:
    """G13: its answers are bounded like those of VIMs."""

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            try:
                while True:
                    writer.write(b"\x00X-A:" + b" " * 65536)
                    await writer.drain()
            except OSError:
                pass  # the prober has had enough

    server = await asyncio.start_server(pour, "127.0.0.9", 0)
    async with server, peers("127.0.0.1", "127.0.0.2") as (vim, other), fake_api() as api:
        hostile = f"http://127.0.0.9:{server.sockets[0].getsockname()[1]}/"
        with probing(verdicts, hostile, other.text) as host:
            host.start(action(f"http://{vim.text}", POLICY))
            host.start(action(api.url, quick_policy(timeout_s=1.0), vim_id="neighbour"))
            await verdicts.until("neighbour", Status.REACHABLE)
            await until(lambda: references_of(host)[0].is_up is False)
            vim.down()
            await verdicts.until("vim", Status.UNREACHABLE)

    assert [verdict.status for verdict in verdicts.of("neighbour")] == [Status.REACHABLE]
    assert Reason.PROTOCOL in references_of(host)[0].why


async def test_urls_and_pings_are_references_too(verdicts: Verdicts, api: FakeApi) -> None:
    with probing(verdicts, api.url, "127.0.0.2") as host:
        await until(lambda: references_of(host)[0].is_up)
        await until(lambda: references_of(host)[1].is_up is not None)
        assert not fails(host)
        asked = len(api.requests)
        await api.asked(asked + 2)


async def test_work_on_a_reference_that_blocks_the_loop_twice_is_the_last(verdicts: Verdicts) -> None:
    async with peers("127.0.0.2", "127.0.0.3") as (one, two):
        with probing(verdicts, one.text, two.text) as host:
            assert host.references is not None
            await until(lambda: all(reference.is_up for reference in references_of(host)))
            for _ in range(2):
                host.references.note_hold(references_of(host)[0].probes[0], 0.4)
            await until(lambda: references_of(host)[0].is_up is False)
            assert "blocked the monitor 2 times" in references_of(host)[0].why
            assert references_of(host)[1].is_up


def test_a_reference_that_was_left_out_is_asked_again_after_pauses_that_double() -> None:
    host = SimulatedHost(lambda _at, _address: None)
    uplink = Uplink(host.time)
    references = ReferenceProbes(
        parse_references("10.0.0.1:80,10.0.0.2:80"),
        uplink=uplink,
        clock=lambda: host.time,
        resolver=Resolver(look_up=lambda _name, _tell: None, call_later=Timer, clock=lambda: host.time),
        gate=TargetGate(TargetRules(), FleetAddresses(clock=lambda: host.time)),
    )
    references.use(dict.fromkeys(Method, host))
    one = references.references[0]

    def is_asked() -> bool:
        host.sent.clear()
        while not host.sent:
            host.time = max(host.time, uplink.due_at)
            references.advance(host.time)
        return any(address.sockaddr[0] == "10.0.0.1" for _, address in host.sent)

    def hold() -> None:
        references.note_hold(one.probes[0], 0.4)

    hold()
    assert is_asked()
    with capture_logs() as logs:
        for pause_s in (600, 1200, 2400):
            hold()
            hold()  # what was asked before is answered late
            assert not is_asked()
            host.time += pause_s - 20
            assert not is_asked()
            host.time += 20
            assert is_asked()
        # A day later, it has a fresh start.
        host.time += 24 * 3600
        hold()
        assert is_asked()

    assert [log["event"] for log in logs if "left out" in log["event"]] == [
        "a reference is left out",
        "a reference that was left out is asked again",
    ] * 3


async def test_an_answer_that_the_kernel_had_to_ask_for_again_proves_nothing(verdicts: Verdicts) -> None:
    """After an outage of ours, the first packet of a connection is repeated: the answer is not one to the first."""
    with probing(verdicts, "127.0.0.2:1", "127.0.0.3:1") as host:
        assert host.references is not None
        probe = references_of(host)[0].probes[0]
        await until(lambda: probe.round_at)

        probe.round_at -= 1.0
        # This process has stood still meanwhile, and takes that time off.
        host.references.record_answer(probe, 1, 0.2)
        assert references_of(host)[0].answered_at is None
        probe.round_at = time.monotonic()
        host.references.record_answer(probe, 1, 0.2)
        assert references_of(host)[0].answered_at is not None
