"""Starts load generators, each in a process of its own, and reads their findings."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.harness.peers import ROOT, program
from benchmarks.harness.processes import ProcessFailed, run_to_end
from benchmarks.updates.calling import Tally, WrongAnswer
from benchmarks.updates.frames import message
from benchmarks.updates.work import EMPTY_PATH, Watched, Work

_LIMIT_S = 120.0
_CONNECTIONS = 4
_GRPC_HEADERS = ("-H", "content-type: application/grpc", "-H", "te: trailers")


@dataclass(frozen=True, slots=True)
class Load:
    """How calls are made: for some seconds, at most `count` of them; 0: any number."""

    work: Work
    callers: int
    client: str = "frames"
    seconds: float = 3.0
    warm_up_s: float = 0.3
    per_call: int = 1
    first: int = 0
    """The position of the first task: see work.task_of."""
    count: int = 0
    credentials: Path | None = None
    """Folder with the files of a caller by TLS; only the client `grpc` can."""

    def on(self, *, first: int, count: int) -> Load:
        return replace(self, first=first, count=count)


def write_vims(path: Path, vims: Sequence[Watched]) -> Path:
    """Write the file that tells a load generator which VIMs to report on."""
    path.write_text("".join(f"{vim.vim_id} {vim.action_id}\n" for vim in vims))
    return path


async def drive(address: str, load: Load, vims: Path) -> Tally:
    """Make the calls. Raises WrongAnswer if one of them failed or had a wrong answer."""
    command = [
        *(sys.executable, "-m", "benchmarks.updates.load_main", address, load.work),
        *("--client", load.client, "--vims", str(vims), "--callers", str(load.callers)),
        *("--seconds", str(load.seconds), "--warm-up", str(load.warm_up_s), "--per-call", str(load.per_call)),
        *("--first", str(load.first), "--count", str(load.count)),
        *(("--credentials", str(load.credentials)) if load.credentials else ()),
    ]
    return Tally.from_json(await printed_by(command))


async def h2load(address: str, callers: int, seconds: float, folder: Path) -> float:
    """Return how many empty calls per second an independent load generator counts."""
    (body := folder / "empty").write_bytes(message(b""))
    h2load_program = await program("h2load", "nghttp2-client")
    command = [str(h2load_program), "-c", str(_CONNECTIONS), "-m", str(callers // _CONNECTIONS), "-d", str(body)]
    command += ["-D", f"{1000 * seconds:.0f}ms", "--warm-up-time", "1", *_GRPC_HEADERS, f"http://{address}{EMPTY_PATH}"]
    text = await printed_by(command)
    if "0 failed, 0 errored, 0 timeout" not in text or not (rate := re.search(r"([\d.]+) req/s", text)):
        raise WrongAnswer(text[-2000:])
    return float(rate[1])


async def printed_by(command: Sequence[str]) -> str:
    """Run a load generator, and return its output. Raises WrongAnswer if it ends with an error."""
    try:
        return await run_to_end(command, within_s=_LIMIT_S, cwd=ROOT, errors_apart=True)
    except ProcessFailed as error:
        raise WrongAnswer(str(error)) from None
