"""Measures the cost of a probe over HTTP, HTTPS and TCP: ours and that of prometheus-blackbox-exporter."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

from benchmarks.harness import machine as this_machine
from benchmarks.harness.benchmark import Benchmark, Run
from benchmarks.harness.result import Figure, Measured
from benchmarks.harness.rounds import Rounds, Sample, Variant, interleave
from benchmarks.probes.blackbox import CALLERS, Blackbox, blackbox
from benchmarks.probes.kernel_counts import connections_at
from benchmarks.probes.open_machine import open_machine
from benchmarks.probes.steady import Steady, steady_host
from benchmarks.probes.targets import Targets
from benchmarks.probes.web_server import CLOSING, CLOSING_TLS, KEEPING, KEEPING_TLS, WebServer, web_server
from tests.support.networks.namespaces import Namespace
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.monitor.probes.idle.idle_connections import LIFE_S

WINDOW_S = 1.5
_SHIPPED = LIFE_S / ProbePolicy().interval_s
"""With the default policy, one probe in this many makes a new connection."""

_HTTP = "vimesh, HTTP over kept connections"
_HTTP_NEW = "vimesh, HTTP, each on a new connection"
_HTTPS = "vimesh, HTTPS over kept connections"
_HTTPS_NEW = "vimesh, HTTPS, each on a new connection"
_TCP = "vimesh, TCP"
_BLACKBOX_HTTP = "blackbox_exporter, HTTP"
_BLACKBOX_HTTPS = "blackbox_exporter, HTTPS"
_BLACKBOX_TCP = "blackbox_exporter, TCP"

_FLEETS = {
    _HTTP: Targets(Method.HTTP, 5_000, interval_s=1, port=KEEPING),
    _HTTP_NEW: Targets(Method.HTTP, 2_000, interval_s=1, port=CLOSING),
    _HTTPS: Targets(Method.HTTP, 500, interval_s=1, scheme="https", port=KEEPING_TLS),
    _HTTPS_NEW: Targets(Method.HTTP, 500, interval_s=1, scheme="https", port=CLOSING_TLS),
    _TCP: Targets(Method.TCP, 2_000, interval_s=1, port=KEEPING),
}


async def measure(run: Run) -> Measured:
    async with AsyncExitStack() as scope:
        inside = scope.enter_context(open_machine())
        server = await scope.enter_async_context(web_server(inside, run.folder))
        peer = await scope.enter_async_context(blackbox(inside, run.folder))
        ours = _Ours(inside, run.folder, server)
        variants = {name: ours.afresh(name) for name in (_HTTP, _HTTPS)}
        for name in (_HTTP_NEW, _HTTPS_NEW, _TCP):
            variants[name] = _frozen_in_between(await scope.enter_async_context(ours.host(name)))
        rounds = await interleave(variants | _theirs(peer), rounds=run.rounds, say=run.say)
    return Measured(figures=_figures(rounds), settings=_settings(), versions=_versions())


class _Ours:
    """Hosts of the real engine, and the server that they probe."""

    def __init__(self, inside: Namespace, folder: Path, server: WebServer) -> None:
        self._inside = inside
        self._folder = folder
        self._server = server

    def host(self, name: str) -> AbstractAsyncContextManager[Steady]:
        targets = _FLEETS[name]
        answered = self._connected if targets.method is Method.TCP else self._server.answered
        return steady_host(self._inside, self._folder, str(list(_FLEETS).index(name)), targets, answered)

    def afresh(self, name: str) -> Variant:
        """Run each turn with a host of its own: after being frozen, a host finds its connections too old."""

        async def turn() -> Sample:
            async with self.host(name) as steady:
                await steady.stand()
                return await steady.window(WINDOW_S)

        return turn

    async def _connected(self) -> int:
        return connections_at(self._server.pid)


def _frozen_in_between(steady: Steady) -> Variant:
    steady.host.freeze()
    return lambda: steady.turn(WINDOW_S)


def _theirs(peer: Blackbox) -> dict[str, Variant]:
    return {
        _BLACKBOX_HTTP: lambda: peer.probes("http", f"http://{{}}:{KEEPING}/", WINDOW_S),
        _BLACKBOX_HTTPS: lambda: peer.probes("https", f"https://{{}}:{KEEPING_TLS}/", WINDOW_S),
        _BLACKBOX_TCP: lambda: peer.probes("tcp", f"{{}}:{KEEPING}", WINDOW_S),
    }


def _figures(rounds: Rounds) -> tuple[Figure, ...]:
    def ratio(name: str, theirs: str, ours: str, goal: float | None = None, least: float | None = None) -> Figure:
        return Figure(name, "x", rounds.ratio(theirs, ours, "cpu_us"), goal, least)

    def cost(variant: str) -> Figure:
        cpu = rounds.of(variant, "cpu_us")
        note = f"{1e6 / rounds.median(variant, 'cpu_us'):,.0f} per CPU-second"
        if variant in _FLEETS:
            note += f", {rounds.median(variant, 'kernel_us'):.0f} us in the kernel"
            note += f"; {rounds.median(variant, 'connections_per_probe'):.2f} connections per probe"
        return Figure(f"CPU per probe: {variant}", "us", cpu, higher_is_better=False, note=note)

    return (
        ratio("HTTP probes per CPU-second over blackbox_exporter", _BLACKBOX_HTTP, _HTTP, goal=50, least=20),
        Figure(
            f"the same, if one probe in {_SHIPPED:g} makes a new connection",
            "x",
            _mixed(rounds, _BLACKBOX_HTTP, _HTTP, _HTTP_NEW),
            note="computed",
        ),
        ratio("HTTPS probes per CPU-second over blackbox_exporter", _BLACKBOX_HTTPS, _HTTPS),
        Figure(
            f"the same, if one probe in {_SHIPPED:g} makes a new connection",
            "x",
            _mixed(rounds, _BLACKBOX_HTTPS, _HTTPS, _HTTPS_NEW),
            note="computed",
        ),
        ratio("TCP probes per CPU-second over blackbox_exporter", _BLACKBOX_TCP, _TCP),
        *(cost(variant) for variant in (*_FLEETS, _BLACKBOX_HTTP, _BLACKBOX_HTTPS, _BLACKBOX_TCP)),
    )


def _mixed(rounds: Rounds, theirs: str, kept: str, new: str) -> tuple[float, ...]:
    costs = (rounds.of(name, "cpu_us") for name in (theirs, kept, new))
    return tuple(t / ((k * (_SHIPPED - 1) + n) / _SHIPPED) for t, k, n in zip(*costs, strict=True))


def _settings() -> dict[str, str]:
    return {
        "window": f"{WINDOW_S:g} s",
        "vimesh": "; ".join(f"{name.removeprefix('vimesh, ')}: {t.rate:,.0f}/s" for name, t in _FLEETS.items()),
        "blackbox_exporter": f"{CALLERS} probes at any time",
    }


def _versions() -> dict[str, str]:
    names = ("prometheus-blackbox-exporter", "nginx-light")
    return {name: version for each in names for name, version in this_machine.debian_version(each).items()}


HTTP = Benchmark("http", "CPU of HTTP, HTTPS and TCP probes", measure, Path(__file__).with_name("web.md"))
