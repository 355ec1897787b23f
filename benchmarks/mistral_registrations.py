"""Measures how many VIMs per second start to run in Mistral, compared with python-mistralclient alone.

    python benchmarks/mistral_registrations.py [COUNT] [--rounds N]

Both sides create workflows and execute them at the same real Mistral (one process, no broker), with equally many calls
at the same time. They take turns, round by round, because a Mistral gets slower with what it holds; in each round the
other one starts. Our side covers everything from the to-do in a conductor's database to the running execution, by one
`vimesh api` process: registrations are made before, and the clock runs from its first claim to its last answer.
The ping action is the real one, and reports to a server that wants every action: none ends while others start.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parents[1]))

from keystoneauth1.session import Session
from mistralclient.api import client as mistral_client

from tests.api.conductors import OF_MISTRAL
from tests.support.deployments import scripted_conductor
from tests.support.deployments.conductors import Client, conductor_at
from tests.support.mistral.mistrals import running_mistral
from vimesh.api.api_process import ApiSettings, run_api
from vimesh.api.mistral_driver import MistralDriver
from vimesh.conductor.upkeep.lease_sweep import SweepLimits
from vimesh.domain.actions import Action, workflow_name
from vimesh.domain.probing import ProbePolicy
from vimesh.engine.mistral_access import MistralAccess
from vimesh.engine.workflow import PingInput, definition
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

CONCURRENCY = 8
WITHOUT_SWEEP = replace(OF_MISTRAL, sweep=SweepLimits(replacements=0))
AUTH_URL = "http://127.0.0.1:1/v3"


def by_client_alone(url: str, count: int) -> float:
    """Return the rate."""

    def clients() -> object:
        return mistral_client.client(mistral_url=url, session=Session(timeout=60), enforce_raw_definitions=True)

    def run(mine: list[Action]) -> None:
        mistral = clients()
        for action in mine:
            mistral.workflows.create(definition(action.vim_id))  # type: ignore[attr-defined]  # no types
            mistral.executions.create(  # type: ignore[attr-defined]  # no types
                workflow_name(action.vim_id), workflow_input=PingInput.of(action).execution_input()
            )

    actions = [Action(str(uuid4()), str(uuid4()), AUTH_URL, ProbePolicy(), 0) for _ in range(count)]
    begin = time.perf_counter()
    with ThreadPoolExecutor(CONCURRENCY) as threads:
        list(threads.map(run, [actions[part::CONCURRENCY] for part in range(CONCURRENCY)]))
    return count / (time.perf_counter() - begin)


async def by_vimesh(client: Client, url: str, count: int) -> float:
    """Return the rate."""
    for _ in range(count):
        await client.register(auth_url=AUTH_URL)
    done = asyncio.Event()
    begin = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        settings = ApiSettings(client.address, beside=MistralDriver(MistralAccess(url, concurrency=CONCURRENCY)))
        tasks.create_task(run_api(settings, done.wait))
        while await waiting(client):  # noqa: ASYNC110 - looks at what users see
            await asyncio.sleep(0.1)
        rate = count / (time.perf_counter() - begin)
        done.set()
    return rate


async def waiting(client: Client) -> bool:
    """Return whether a VIM waits for the engine."""
    token = ""
    while True:
        page = await client.vims.ListVims(pb.ListVimsRequest(page_size=1000, page_token=token), timeout=30)
        if any(vim.monitor.state == vim_pb2.Monitor.WAITING for vim in page.vims):
            return True
        token = page.next_page_token
        if not token:
            return False


async def main(count: int, rounds: int) -> None:
    alone: list[float] = []
    ours: list[float] = []
    share = count // rounds
    with tempfile.TemporaryDirectory() as folder:
        async with (
            conductor_at(Path(folder) / "vimesh.sqlite", WITHOUT_SWEEP) as client,
            scripted_conductor.serving(scripted_conductor.ScriptedConductor()) as port,
            running_mistral(Path(folder), {"VIMESH_ADDRESS": f"127.0.0.1:{port}"}) as mistral,
        ):
            await asyncio.to_thread(by_client_alone, mistral.url, CONCURRENCY)  # warms Mistral up
            for number in range(rounds):
                for turn in (0, 1):
                    if (number + turn) % 2:
                        ours.append(await by_vimesh(client, mistral.url, share))
                    else:
                        alone.append(await asyncio.to_thread(by_client_alone, mistral.url, share))
                print(f"round {number + 1}: client alone {alone[-1]:.1f}/s, vimesh {ours[-1]:.1f}/s", flush=True)
    by_client, by_us = statistics.harmonic_mean(alone), statistics.harmonic_mean(ours)
    print(f"{rounds * share} registrations each way")
    print(f"python-mistralclient alone: {by_client:.1f}/s")
    print(f"vimesh:                     {by_us:.1f}/s, {by_us / by_client:.0%} of it")


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("count", type=int, nargs="?", default=500)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    asyncio.run(main(given.count, given.rounds))
