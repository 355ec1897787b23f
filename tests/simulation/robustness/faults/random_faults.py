"""Causes faults at random, under load: everything that the checker can check."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.robustness.faults.fault_kinds import carry_out
from tests.simulation.robustness.history import now
from tests.simulation.robustness.load.callers import Caller
from tests.simulation.robustness.load.readers import Reader
from tests.simulation.robustness.load.registrars import Registrar
from tests.simulation.robustness.schedule import Planned
from tests.simulation.robustness.stage import Stage, working
from tests.simulation.robustness.truth import Weather, targets
from vimesh.runtime.background import beside

INTERVAL_S = 2.0
CONTACT_WITHIN_S = 3.0
_SETTLE_S = 60.0
_EXTERNAL = 48
_REGISTRARS = 2
_CALLER_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    vims: int
    """Number of all VIMs; 48 of them, or a quarter if that is less, are EXTERNAL."""

    @property
    def external(self) -> int:
        return min(_EXTERNAL, self.vims // 4)


async def play(stage: Stage, plan: list[Planned], load: Load) -> None:
    """Break things as planned, wait until nothing is broken, and require that all statuses are true then."""
    history, chosen = stage.history, targets(load.vims - load.external)
    dark = [target.address for target in chosen if target.truth == "down"]
    weather = Weather(
        stage.machine, [t.address for t in chosen if t.truth == "switched"], history, stage.random("weather")
    )
    await weather.switch(dark, up=False)
    probed = await stage.register_targets(chosen, INTERVAL_S)
    external = await stage.register_external(load.external)
    wrong = await stage.until_said(_wanted(probed, weather), _SETTLE_S)
    assert not wrong, f"before any fault: {wrong[:5]}"
    callers = [
        Caller(vim, stage.client, history, stage.random(f"caller {vim.name}"), pause_s=_CALLER_PAUSE_S)
        for vim in external
    ]
    people = [
        Registrar(f"registrar-{n}", stage.client, history, stage.random(f"registrar {n}"))
        for n in range(1, _REGISTRARS + 1)
    ]
    readers = [Reader(f"reader-{n}", stage.client, history) for n in (1, 2)]
    runs = [*(one.run for one in callers), *(one.run for one in people), *(one.run for one in readers)]
    workers = {f"worker-{n}": run for n, run in enumerate(runs, 1)}
    async with working(history, **workers):
        async with beside(weather.run()):
            await carry_out(plan, stage.world, history)
        await _calm_down(stage, probed, weather)
    # Directly after the last reports: their leases still hold.
    await stage.note_finals()
    await stage.take_down_what_is_left()


async def _calm_down(stage: Stage, probed: dict[str, str], weather: Weather) -> None:
    began = now()
    await stage.world.until_whole()
    stage.history.note("calm", after_s=round(now() - began, 2))
    wrong = await stage.until_said(_wanted(probed, weather), _SETTLE_S)
    if wrong:
        stage.history.note("disagreed", wrong=wrong)
    else:
        stage.history.note("agreed")


def _wanted(probed: dict[str, str], weather: Weather) -> dict[str, str]:
    return {vim: "REACHABLE" if weather.is_up(address) else "UNREACHABLE" for vim, address in probed.items()}
