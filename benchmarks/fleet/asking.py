"""Reads the VIMs of the fleet, and measures how long that takes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.fleet.site import Site
from benchmarks.harness.failure import NotMeasured

_LIMIT_S = 180.0
SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class Read:
    """A VIM as it was read. Times are by the database's clock; 0 where there is none."""

    vim_id: str
    auth_url: str
    status: str
    contact_at: float
    status_at: float
    """For an UNREACHABLE VIM: when its action reached its verdict."""


@dataclass(frozen=True, slots=True)
class Answer:
    vims: Mapping[str, Read]
    seconds: float
    slowest_s: float
    """The longest wait for one page, or for one message of the stream."""


async def ask(site: Site, what: str, *, newest: int = 0) -> Answer:
    """Read the VIMs that match a filter, in pages; or all by a snapshot of a watch. Raises NotMeasured.

    With `newest` above 0, read only about that many, whose status changed last.
    """
    output = site.folder / "answer.jsonl"
    main = (sys.executable, "-m", "benchmarks.fleet.asking_main")
    command = site.inside.command(*main, site.address, str(output), what, str(newest))
    found = (await site.run(*command, within_s=_LIMIT_S)).document
    vims = [Read(*json.loads(line)) for line in output.read_text().splitlines()]
    by_id = {vim.vim_id: vim for vim in vims}
    if len(by_id) != len(vims) or found["count"] != len(vims):
        raise NotMeasured(f"{found['count']} VIMs were read, {len(by_id)} of them different ones")
    return Answer(by_id, found["seconds"], found["slowest_s"])
