"""Runs a real Prometheus with the configuration and the rules of `deploy/prometheus`, only quicker."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.support.callers.caller import ask
from tests.support.clouds.targets import free_port
from tests.support.observability.rule_files import PROMETHEUS, write_quick_rules
from tests.support.processes.process_groups import ProcessGroup
from tests.support.timing.waiting import eventually

START_S = 60
FLEET = "lab"
"""What the example calls the fleet."""
_EVERY = "1s"
Sample = dict[str, Any]


class Prometheus:
    def __init__(self, address: str) -> None:
        self._address = address

    async def query(self, expression: str) -> list[Sample]:
        """Return the samples of an instant query, each with `metric` (its labels) and `value`."""
        result = await self._get("/api/v1/query", query=expression)
        assert result["resultType"] == "vector", expression
        samples: list[Sample] = result["result"]
        return samples

    async def value(self, expression: str) -> float:
        """Return the value of the only sample."""
        (sample,) = await self.query(expression)
        return float(sample["value"][1])

    async def values_by(self, expression: str, label: str) -> dict[str, float]:
        return {sample["metric"][label]: float(sample["value"][1]) for sample in await self.query(expression)}

    async def alerts(self) -> list[Sample]:
        """Return the alerts that are pending or fire."""
        alerts: list[Sample] = (await self._get("/api/v1/alerts"))["alerts"]
        return alerts

    async def firing(self) -> set[str]:
        return {alert["labels"]["alertname"] for alert in await self.alerts() if alert["state"] == "firing"}

    async def targets(self) -> dict[str, str]:
        """Return the state of each target by its job and process, and what its last scrape failed by."""
        targets = (await self._get("/api/v1/targets", state="active"))["activeTargets"]
        return {
            f"{target['labels']['job']} {target['labels'].get('process', target['scrapeUrl'])}": (
                f"down: {target['lastError']}" if target["health"] == "down" else target["health"]
            )
            for target in targets
        }

    async def until_scraped(self, within_s: float = START_S) -> None:
        """Wait until each target was scraped well."""

        async def all_up() -> bool:
            targets = await self.targets()
            return bool(targets) and set(targets.values()) == {"up"}

        try:
            await eventually(all_up, within_s)
        except TimeoutError:
            raise AssertionError(f"not all targets are up: {await self.targets()}") from None

    async def rule_errors(self) -> list[str]:
        """Return what rules could not be evaluated for."""
        groups = (await self._get("/api/v1/rules"))["groups"]
        return [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")]

    async def _get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - what JSON holds
        answer = await ask(self._address, "GET", f"{path}?{urlencode(parameters)}")
        document = answer.json()
        assert document["status"] == "success", document
        return document["data"]


@asynccontextmanager
async def running_prometheus(
    folder: Path,
    jobs: Mapping[str, Mapping[str, Any]],
    *,
    alertmanager: str,
    times: int = 1,
    example: str = "prometheus.yaml",
) -> AsyncGenerator[Prometheus]:
    """Run Prometheus with an example of ours.

    `jobs`: what differs from the jobs of the example, by their names. `alertmanager`: its address. All durations of the
    rules are divided by `times`.
    """
    file = _write_configuration(folder, jobs, alertmanager, times, example)
    address, log = f"127.0.0.1:{free_port()}", folder / "prometheus.log"
    process = await ProcessGroup.start(
        "prometheus",
        *(f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"),
        *("--rules.alert.resend-delay=1s", "--rules.alert.for-grace-period=1s", "--log.level=warn"),
        environment=os.environ,
        output=log,
    )
    try:
        await until_ready(address, process, log)
        yield Prometheus(address)
    finally:
        await process.stop()


def _write_configuration(
    folder: Path, jobs: Mapping[str, Mapping[str, Any]], alertmanager: str, times: int, example: str
) -> Path:
    folder.mkdir()
    configuration = yaml.safe_load((PROMETHEUS / example).read_text())
    configuration["rule_files"] = write_quick_rules(folder, times)
    configuration["global"] = {"scrape_interval": _EVERY, "evaluation_interval": _EVERY}
    configuration["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": [alertmanager]}]
    configuration["scrape_configs"] = [job | jobs[job["job_name"]] for job in configuration["scrape_configs"]]
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(configuration))
    return file


async def until_ready(address: str, process: ProcessGroup, log: Path) -> None:
    """Wait until a Prometheus or Alertmanager answers."""

    async def ready() -> bool:
        assert process.running, _text(log)
        try:
            return (await ask(address, "GET", "/-/ready")).status == 200
        except OSError:
            return False

    await eventually(ready, START_S)


def _text(log: Path) -> str:
    return log.read_text()
