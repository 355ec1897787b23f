"""Lets many VIMs go dark at one instant and come back, and measures what a watcher sees and how soon."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.fleet.asking import Answer, Read, ask
from benchmarks.fleet.site import Site
from benchmarks.fleet.watcher import Told, Watcher

_LIMIT_S = 60.0
_AFTERMATH_S = 3.0
"""Time for changes that should not come after the last change."""
_UNREACHABLE, _REACHABLE = "UNREACHABLE", "REACHABLE"


@dataclass(frozen=True, slots=True)
class Turn:
    """One change of many VIMs at once."""

    wrong: int
    """Number of changes that were not true, and of repetitions."""
    last_after_s: float
    """From the instant to the last change at the watcher."""
    delays_s: Sequence[float]
    """From each verdict to its change at the watcher."""
    last_delay_s: float
    """From the last verdict to the last change at the watcher."""

    def delay_s(self, percent: int) -> float:
        return statistics.quantiles(self.delays_s, n=100, method="inclusive")[percent - 1]


@dataclass(frozen=True, slots=True)
class Darkness:
    fell: Turn
    rose: Turn
    listed: Answer
    """Reading the dark VIMs by a filter."""


async def darkness(site: Site, watcher: Watcher, vims: Mapping[str, Read]) -> Darkness:
    """Make these VIMs dark, and heal them. Raises NotMeasured if the watcher does not see each of them."""
    addresses = [vim.auth_url.removeprefix("http://").partition(":")[0] for vim in vims.values()]
    fell_at, falling = await _shown(watcher, vims, _UNREACHABLE, lambda: site.inside.drop(addresses))
    listed = await ask(site, f"status = {_UNREACHABLE}")
    rose_at, rising = await _shown(watcher, vims, _REACHABLE, lambda: site.inside.undrop(addresses))
    risen = await ask(site, f"status = {_REACHABLE}", newest=len(vims))
    return Darkness(
        turn(vims, _UNREACHABLE, fell_at, falling, listed.vims),
        turn(vims, _REACHABLE, rose_at, rising, risen.vims),
        listed,
    )


async def _shown(
    watcher: Watcher, vims: Collection[str], status: str, act: Callable[[], None]
) -> tuple[float, list[Told]]:
    """Act, and wait until the watcher has seen the status of all these VIMs; return the time, and all changes since."""
    watcher.read()
    before = len(watcher.told)
    at = time.time()
    await asyncio.to_thread(act)
    await watcher.until(
        lambda: sum(watcher.last[vim].status == status for vim in vims if vim in watcher.last) == len(vims), _LIMIT_S
    )
    await asyncio.sleep(_AFTERMATH_S)
    watcher.read()
    return at, watcher.told[before:]


def turn(concerned: Collection[str], status: str, at: float, told: Sequence[Told], read: Mapping[str, Read]) -> Turn:
    """Judge the changes since an instant from which these VIMs, and no others, have this status."""
    true = [change for change in told if change.vim_id in concerned and change.status == status]
    repeated = sum(count - 1 for count in Counter(change.vim_id for change in true).values())
    # A VIM that has another status when read now counts as wrong, too.
    known = [change for change in true if change.vim_id in read and read[change.vim_id].status == status]
    verdicts = [read[change.vim_id].status_at for change in known]
    last = max(change.arrived_at for change in true)
    return Turn(
        wrong=len(told) - len(known) + repeated,
        last_after_s=last - at,
        delays_s=[change.arrived_at - verdict for change, verdict in zip(known, verdicts, strict=True)],
        last_delay_s=last - max(verdicts),
    )
