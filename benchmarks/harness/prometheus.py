"""Runs a real Prometheus that reads metrics as one in production does."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from benchmarks.harness.failure import NotMeasured
from benchmarks.harness.processes import Process, printed, run_to_end, running
from tests.support.clouds.targets import free_port
from tests.support.timing.waiting import eventually

_QUERY_S = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    target: str
    """`host:port`"""
    path: str = "/metrics"


class Prometheus:
    def __init__(self, address: str, process: Process, prefix: Sequence[str]) -> None:
        self.pid = process.pid
        self._address = address
        self._prefix = prefix

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples of an instant query. Raises ProcessFailed, NotMeasured."""
        samples: list[dict[str, Any]] = (await self._get("query", query=expression))["result"]
        return samples

    async def until_scraped(self, within_s: float) -> None:
        """Wait until each target was read. Raises TimeoutError."""

        async def all_up() -> bool:
            targets = (await self._get("targets", state="active"))["activeTargets"]
            return {one["health"] for one in targets} == {"up"}

        await eventually(all_up, within_s)

    async def _get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - what JSON holds
        url = f"http://{self._address}/api/v1/{path}?{urlencode(parameters)}"
        # By a program, because this process may be outside of the network namespace.
        text = await run_to_end([*self._prefix, "curl", "--silent", "--show-error", url], within_s=_QUERY_S)
        document = json.loads(text)
        if document["status"] != "success":
            raise NotMeasured(f"Prometheus answers {text[:300]}")
        return document["data"]


@asynccontextmanager
async def running_prometheus(
    parent: Path, jobs: Sequence[Job], *, every_s: int, prefix: Sequence[str] = ()
) -> AsyncGenerator[Prometheus]:
    """Run it with an empty database. `prefix`: what starts a command where the targets are."""
    address = f"127.0.0.1:{free_port()}"
    folder = parent / f"prometheus-{address.rpartition(':')[2]}"
    folder.mkdir()
    scrapes = [
        {"job_name": job.name, "metrics_path": job.path, "static_configs": [{"targets": [job.target]}]} for job in jobs
    ]
    configuration = folder / "prometheus.yaml"
    configuration.write_text(yaml.safe_dump({"global": {"scrape_interval": f"{every_s}s"}, "scrape_configs": scrapes}))
    command = (
        *(*prefix, "prometheus", f"--config.file={configuration}"),
        *(f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"),
    )
    ready = printed("Server is ready to receive web requests")
    async with running(*command, output=folder / "prometheus.log", ready=ready) as process:
        yield Prometheus(address, process, prefix)
