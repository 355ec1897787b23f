"""Fuzzes one door: replays the inputs that failed in earlier runs, then sends odd inputs, and reports their effects."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz.doors.aftermath import left_behind
from tests.fuzz.doors.campaign import CORPUS, Campaign, Tally
from tests.fuzz.doors.doors import AMQP, DOORS
from tests.fuzz.doors.site import Site, running_site
from tests.fuzz.doors.watched import Told, bystander

_PATIENT_MS = 250.0
"""Maximum time of a bystander's calls, except for one in a hundred."""
_FOLDER = Path("/dev/shm")
"""Storage is not measured: where this folder exists, no disk is waited for."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    seed: str
    minutes: float
    requests: int
    """Maximum number per kind."""
    kinds: Sequence[str] = ()
    """Empty: all."""


def run_door(name: str, settings: RunSettings) -> list[str]:
    """Fuzz a door of a fleet that is started for it; print the findings, and return the failures."""
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=_FOLDER if _FOLDER.is_dir() else None) as folder:
        return asyncio.run(_run(name, Path(folder), settings))


async def _run(name: str, folder: Path, settings: RunSettings) -> list[str]:
    async with running_site(folder, with_bridge=name == AMQP) as site:
        # Not in the loop, which looks after the processes.
        return await asyncio.to_thread(_fuzz, name, site, settings)


def _fuzz(name: str, site: Site, settings: RunSettings) -> list[str]:
    corpus = CORPUS / name
    with DOORS[name](site) as door:
        campaign = Campaign(door, [part.meter for part in site.parts], site.register)
        before = campaign.resident_mib()
        with bystander(site.front) as told:
            _send(campaign, corpus, settings)
        after = campaign.resident_mib()
        campaign.keep(corpus)
    print(f"{name}: bystander {_times(told)}; {_names(site)} held {before} MiB before and {after} after", flush=True)
    for part in site.parts:
        if not part.meter.runs():
            print(f"{part.name} has ended: {part.log.read_text(errors='replace')[-3000:]}", flush=True)
    return [
        *(str(failure) for failure in campaign.failures),
        *_of_bystander(told),
        *left_behind(site),
        *_alike(site.defects()),
        *(f"{part.name} has ended" for part in site.parts if not part.meter.runs()),
    ]


def _send(campaign: Campaign, corpus: Path, settings: RunSettings) -> None:
    """Send odd inputs of each kind, and print their outcomes."""
    kinds = settings.kinds or tuple(campaign.tallies)
    for kind in kinds:
        campaign.replay(kind, corpus)
        ends_at = time.monotonic() + 60 * settings.minutes / len(kinds)
        campaign.run(kind, Random(f"{settings.seed} {kind}"), settings.requests, ends_at)
        print(_row(kind, campaign.tallies[kind]), flush=True)
    for kind in kinds:
        campaign.replay(kind, corpus)  # with everything that is stored by now


def _row(kind: str, tally: Tally) -> str:
    codes = " ".join(f"{code}:{count}" for code, count in tally.codes.most_common())
    cpu = f"{1000 * tally.worst_cpu_s:>5.0f} {1000 * tally.once_cpu_s:>5.0f}"
    others = f"{tally.slowest_s:>6.2f} {tally.grown_mib:>6.1f} {len(tally.failures):>3}"
    return f"  {kind:<22} {tally.sent:>7} {cpu} {others}  {codes}"


HEAD = f"  {'kind':<22} {'sent':>7} {'cpu':>5} {'once':>5} {'slow s':>6} {'MiB':>6} {'bad':>3}  answers"


def _times(told: Told) -> str:
    numbers = ", ".join(
        f"{words} {told.quantile_ms(part):.0f} ms" for words, part in (("p50", 0.5), ("p99", 0.99), ("most", 1))
    )
    return f"{len(told.took_s)} calls, {numbers}"


def _names(site: Site) -> str:
    return ", ".join(part.name for part in site.parts)


def _of_bystander(told: Told) -> list[str]:
    slow = [f"a bystander waits {told.quantile_ms(0.99):.0f} ms (p99)"] if told.quantile_ms(0.99) > _PATIENT_MS else []
    return [*slow, *(f"a bystander is told {words}" for words in _alike(told.failures))]


def _alike(lines: Sequence[str]) -> list[str]:
    """Return a few of the lines, and how many there are."""
    return [
        *(_shortened(line) for line in lines[:3]),
        *([f"and {len(lines) - 3} more such lines"] if len(lines) > 3 else []),
    ]


def _shortened(line: str) -> str:
    return line if len(line) < 700 else f"{line[:200]} ... {line[-500:]}"
