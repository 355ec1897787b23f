"""Runs Mistral as it is deployed: API, engine and executors as processes of their own, over a broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.clouds.targets import listens
from tests.support.mistral.mistrals import PYTHON, ROOT, environment_of_mistral, write_configuration
from tests.support.processes.process_groups import ProcessGroup
from tests.support.timing.waiting import eventually, until

API, ENGINE, EXECUTORS = "api", "engine", ("executor-1", "executor-2")
PARTS = (API, ENGINE, *EXECUTORS)
_LAUNCH = ROOT / "tests/support/mistral/mistral_launch.py"
_START_S = 60


class StockMistral:
    """Each part can be stopped, killed and started again by its name."""

    def __init__(self, folder: Path, configuration: Path, plugin: Mapping[str, str], port: int) -> None:
        self._folder = folder
        self._configuration = configuration
        self._environment = environment_of_mistral(folder, plugin)
        self._port = port
        self._parts: dict[str, ProcessGroup] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v2"

    async def start(self, *names: str) -> None:
        """Start these parts (by default all) that do not run yet; return when they work."""
        missing = [name for name in names or PARTS if not self.runs(name)]
        await asyncio.gather(*map(self._start, missing))

    async def stop(self, name: str) -> None:
        await self._parts[name].stop()

    async def stop_all(self) -> None:
        await asyncio.gather(*map(self.stop, self._parts))

    async def kill(self, name: str) -> None:
        await self._parts[name].kill()

    def runs(self, name: str) -> bool:
        return name in self._parts and self._parts[name].running

    def lines(self, *words: str, of: Iterable[str] = PARTS) -> list[str]:
        """Return the lines in the parts' logs that contain all the words."""
        logs = [self._log(name).read_text().splitlines() for name in of]
        return [line for log in logs for line in log if all(word in line for word in words)]

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    async def _start(self, name: str) -> None:
        component, log = name.partition("-")[0], self._log(name)
        log.touch()
        printed, before = self._folder / f"{name}.out", _starts(log)
        part = self._parts[name] = await ProcessGroup.start(
            *(PYTHON, _LAUNCH, "--config-file", self._configuration, "--log-file", log, "--server", component),
            environment=self._environment,
            output=printed,
        )
        await until(lambda: _starts(log) > before or not part.running, _START_S)
        assert part.running, printed.read_text()
        if name == API:
            await eventually(lambda: listens(self._port), _START_S)


def _starts(log: Path) -> int:
    return log.read_text().count(" server started")


async def _make_schema(folder: Path, configuration: Path) -> None:
    environment, output = environment_of_mistral(folder, {}), folder / "schema.out"
    script = ROOT / "tests/support/mistral/mistral_schema.py"
    made = await ProcessGroup.start(PYTHON, script, configuration, environment=environment, output=output)
    await until(lambda: not made.running, _START_S)
    assert made.succeeded, output.read_text()


@asynccontextmanager
async def stock_mistral(
    folder: Path, broker_url: str, plugin: Mapping[str, str], *, port: int
) -> AsyncGenerator[StockMistral]:
    """Start all of Mistral with its files in a folder, and stop all of it at the end."""
    configuration = write_configuration(folder, port=port, transport_url=broker_url)
    await _make_schema(folder, configuration)
    mistral = StockMistral(folder, configuration, plugin, port)
    try:
        await mistral.start()
        yield mistral
    finally:
        await mistral.stop_all()
