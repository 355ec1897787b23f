"""Runs prometheus-blackbox-exporter, the peer for HTTP: it probes on request, over a new connection each time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.peers import program
from benchmarks.harness.processes import Process, running
from benchmarks.harness.rounds import Sample
from benchmarks.harness.usage import CpuMeter
from benchmarks.probes.ended import run_to_end
from benchmarks.probes.own_python import own_python
from tests.support.networks.namespaces import Namespace

CALLERS = 16
_PORT = 9115
_CONFIGURATION = """
modules:
  http: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}
  https: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4, tls_config: {insecure_skip_verify: true}}}
  tcp: {prober: tcp, timeout: 5s, tcp: {preferred_ip_protocol: ip4}}
"""


@dataclass(frozen=True, slots=True)
class Blackbox:
    machine: Namespace
    pid: int

    async def probes(self, module: str, form: str, seconds: float) -> Sample:
        """Request probes without a pause; `form` is the target with {} for the address. Counts only its own CPU."""
        arguments = (str(_PORT), module, form, str(seconds), str(CALLERS))
        load = self.machine.command(*own_python("benchmarks.probes.blackbox_load_main", *arguments))
        meter = CpuMeter([self.pid])
        asked, succeeded = (int(word) for word in (await run_to_end(load)).output.split())
        if not asked or succeeded != asked:
            raise NotMeasured(f"{succeeded} of {asked} probes succeeded")
        return {"cpu_us": meter.spent_s(self.pid) / asked * 1e6, "probes_per_s": asked / seconds}


@asynccontextmanager
async def blackbox(machine: Namespace, folder: Path) -> AsyncGenerator[Blackbox]:
    exporter = await program("prometheus-blackbox-exporter", "prometheus-blackbox-exporter")
    configuration = folder / "blackbox.yml"
    configuration.write_text(_CONFIGURATION)
    options = [f"--config.file={configuration}", f"--web.listen-address=127.0.0.1:{_PORT}"]

    async def ready(process: Process) -> bool:
        return "Listening on" in process.output.read_text()

    async with running(
        *machine.command(str(exporter), *options), output=folder / "blackbox.log", ready=ready
    ) as process:
        yield Blackbox(machine, process.pid)
