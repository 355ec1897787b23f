"""Runs a fleet to flood: `vimesh up` on loopback, from this checkout or another one."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from benchmarks.harness import usage
from benchmarks.harness.failure import NotMeasured
from benchmarks.overload.bystanders import Bystanders
from tests.support.deployments.fleets import starting_fleet
from tests.support.timing.waiting import eventually
from vimesh.v1 import vim_pb2, vim_service_pb2
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub

_BATCH = 500
_CALL_S = 20.0
_VERDICTS_S = 60.0
_BYSTANDERS = 20


@dataclass(frozen=True, slots=True)
class Population:
    probed: int = 300
    """VIMs that the fleet's own monitor pings every second: none of them may leave REACHABLE."""
    reported: int = 5_000
    """EXTERNAL VIMs that floods report on."""


@dataclass(frozen=True, slots=True)
class Site:
    address: str
    folder: Path
    vims: Path
    """Ids of the VIMs that floods report on."""
    probed: frozenset[str]
    bystanders: Bystanders
    stub: VimServiceAsyncStub

    def pids(self) -> list[int]:
        """Return the pids of the processes that serve calls: the conductors and Envoy."""
        state = json.loads((self.folder / "data" / "fleet.json").read_text())
        named = {process["name"]: process["pid"] for process in state["processes"]}
        return [pid for name, pid in named.items() if name.startswith("conductor") or name == "envoy"]

    def memory_mb(self) -> float:
        """Return the resident memory of the conductors and Envoy."""
        return sum(usage.rss_bytes(pid) for pid in self.pids()) / 2**20

    async def newest(self) -> int:
        events = await self._events("")
        return events.events[0].revision if events.events else 0

    async def false_changes(self, since: int) -> list[str]:
        """Return the changes of probed VIMs after a revision: nothing happened to any of them."""
        said: list[str] = []
        token = ""
        while True:
            page = await self._events(token)
            for event in page.events:
                if event.revision <= since:
                    return said
                if event.vim_id in self.probed:
                    said.append(f"{vim_pb2.VimEvent.Kind.Name(event.kind)} {vim_pb2.Vim.Status.Name(event.status)}")
            if not (token := page.next_page_token):
                return said

    async def _events(self, token: str) -> vim_service_pb2.ListVimEventsResponse:
        request = vim_service_pb2.ListVimEventsRequest(page_size=1000, page_token=token)
        return await self.stub.ListVimEvents(request, timeout=_CALL_S)


@asynccontextmanager
async def flooded_site(folder: Path, population: Population, checkout: Path | None) -> AsyncGenerator[Site]:
    """Start a fleet whose VIMs all have a status. `checkout` is the code to run, if not this."""
    path = [] if checkout is None else ["env", f"PYTHONPATH={checkout}/services:{checkout}/gen"]
    async with starting_fleet(folder, prefix=path) as fleet, grpc.aio.insecure_channel(fleet.address) as channel:
        stub = VimServiceStub(channel)
        probed = await _register(stub, "probed", population.probed, probed=True)
        reported = await _register(stub, "reported", population.reported, probed=False)
        own = await _register(stub, "bystander", _BYSTANDERS, probed=False)
        (vims := folder / "reported").write_text("\n".join(reported))
        await _all_reachable(stub, population.probed)
        bystanders = Bystanders(channel, own)
        yield Site(fleet.address, folder, vims, frozenset(probed), bystanders, stub)


async def _register(stub: VimServiceAsyncStub, name: str, count: int, *, probed: bool) -> list[str]:
    ids: list[str] = []
    for first in range(0, count, _BATCH):
        numbers = range(first, min(count, first + _BATCH))
        requests = [_registration(name, number, probed=probed) for number in numbers]
        answer = await stub.RegisterVims(vim_service_pb2.RegisterVimsRequest(requests=requests), timeout=_CALL_S)
        ids += [result.registered.vim_id for result in answer.results]
    if not all(ids):
        raise NotMeasured("a VIM was refused")
    return ids


def _registration(name: str, number: int, *, probed: bool) -> vim_service_pb2.RegisterVimRequest:
    vim = vim_pb2.Vim(
        name=f"{name}-{number}", type="openstack", auth_url=f"http://127.1.{number // 250}.{number % 250 + 1}/"
    )
    if not probed:
        return vim_service_pb2.RegisterVimRequest(vim=vim, engine=vim_pb2.Monitor.EXTERNAL)
    vim.project_id = "probed"
    vim.probe_policy.method = vim_pb2.ProbePolicy.PING
    vim.probe_policy.interval.FromSeconds(1)
    vim.probe_policy.timeout.FromMilliseconds(500)
    return vim_service_pb2.RegisterVimRequest(vim=vim)


async def _all_reachable(stub: VimServiceAsyncStub, count: int) -> None:
    request = vim_service_pb2.ListVimsRequest(filter='status = REACHABLE AND project_id = "probed"', page_size=1000)

    async def all_said() -> bool:
        return len((await stub.ListVims(request, timeout=_CALL_S)).vims) == count

    await eventually(all_said, _VERDICTS_S)
