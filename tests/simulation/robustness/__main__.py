"""python -m tests.simulation.robustness: faults against a real fleet, and a checker that names broken guarantees."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from tests.simulation.robustness.faults.planned_faults import SCENARIOS
from tests.simulation.robustness.load.hostile import HOSTILE
from tests.simulation.robustness.releases import NoRelease
from tests.simulation.robustness.run import RANDOM, Order, judge, new_folder, new_seed, run
from tests.simulation.robustness.schedule import DATABASES, FAILOVER, GALERA, SERVERS
from tests.support.hostile.hostile_kinds import KINDS
from tests.support.hostile.hostile_main import NAME_SERVER
from tests.support.networks.name_server import system_files
from tests.support.networks.namespaces import Namespace, namespace, why_not
from tests.support.timing.clocks import NoFakeTime

_INSIDE = "VIMESH_ROBUSTNESS_NAMESPACE"
_STOP_S = 120
_FAILED = 2
_STOPPED = 130
_RANDOM_MINUTES, _RANDOM_VIMS = 10.0, 300
_HOSTILE_MINUTES, _NEIGHBOURS = 3.0, 500


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.robustness", description=__doc__)
    parser.add_argument("--scenario", choices=(RANDOM, HOSTILE, *SCENARIOS), default=RANDOM)
    parser.add_argument("--seed", type=int, help="replays the faults of a run; by default any")
    parser.add_argument("--minutes", type=float, help="of random faults (10), or beside each hostile kind (3)")
    parser.add_argument("--database", choices=DATABASES, default=DATABASES[0])
    parser.add_argument("--vims", type=int, help="in a random run (300), or healthy ones beside hostile ones (500)")
    parser.add_argument("--together", type=int, default=1, help="hostile kinds at a time (1)")
    parser.add_argument("--kinds", type=_kinds, default=tuple(KINDS), help="of hostile VIMs, with commas between them")
    parser.add_argument(
        "--size",
        type=int,
        help="VIMs that go dark or are probed meanwhile, seconds without conductors, rounds, fail-overs, or restores",
    )
    parser.add_argument(
        "--from",
        dest="ref",
        default="",
        help="what to upgrade from, of git (the newest tag; if there is none, from this to a next one that is made)",
    )
    parser.add_argument("--without", action="append", default=[], help="a kind of fault to leave out")
    parser.add_argument("--folder", type=Path, default=Path(".cache/robustness"), help="gets a folder for each run")
    parser.add_argument("--check", type=Path, metavar="FOLDER", help="play nothing: check what an earlier run has left")
    return parser.parse_args(words)


def _kinds(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    if missing := [name for name in chosen if name not in KINDS]:
        raise argparse.ArgumentTypeError(f"no such kind: {', '.join(missing)}. There are {', '.join(KINDS)}")
    return chosen


def main() -> int:
    given = _arguments(sys.argv[1:])
    if given.check is not None:
        return 0 if judge(given.check) else 1
    if _INSIDE in os.environ:
        return _inside(given, Namespace(os.environ[_INSIDE]))
    if why := why_not():
        print(why, file=sys.stderr)
        return _FAILED
    seed = new_seed() if given.seed is None else given.seed
    with namespace() as machine, system_files(machine, resolv_conf=f"nameserver {NAME_SERVER}\n"):
        return _in(machine, [*sys.argv[1:], "--seed", str(seed)])


def _in(machine: Namespace, words: list[str]) -> int:
    """Run the same command inside, and wait until everything has ended there, whatever signal arrives."""
    command = machine.command(sys.executable, "-m", "tests.simulation.robustness", *words)
    # gRPC need not be ready to be forked: everything forked here becomes another program at once.
    environment = {**os.environ, _INSIDE: machine.name, "GRPC_ENABLE_FORK_SUPPORT": "0"}
    process = subprocess.Popen(command, env=environment, start_new_session=True)

    def pass_on(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
        process.send_signal(signal.SIGINT)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, pass_on)
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(_STOP_S)


def _database(given: argparse.Namespace) -> str:
    if given.scenario == GALERA:
        return GALERA
    if given.scenario == FAILOVER:
        return f"{given.database if given.database in SERVERS else SERVERS[0]}-pair"
    return str(given.database)


def _inside(given: argparse.Namespace, machine: Namespace) -> int:
    minutes, vims = (_HOSTILE_MINUTES, _NEIGHBOURS) if given.scenario == HOSTILE else (_RANDOM_MINUTES, _RANDOM_VIMS)
    database = _database(given)
    order = Order(
        scenario=given.scenario,
        seed=given.seed,
        minutes=minutes if given.minutes is None else given.minutes,
        database=database,
        vims=vims if given.vims is None else given.vims,
        size=given.size,
        folder=new_folder(given.folder.resolve(), f"{given.scenario}-{database}-{given.seed}"),
        without=frozenset(given.without),
        kinds=given.kinds,
        together=given.together,
        ref=given.ref,
    )
    # A shell makes its background jobs ignore SIGINT; the process outside sends it all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(f"seed {order.seed}; everything is written to {order.folder}", flush=True)
    try:
        return 0 if asyncio.run(run(order, machine)) else 1
    except NoRelease as error:
        print(error, file=sys.stderr)
        return _FAILED
    except NoFakeTime as error:
        print(f"{error} Or leave its faults out: --without clock", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print("stopped, and everything with it", file=sys.stderr)
        return _STOPPED


if __name__ == "__main__":
    sys.exit(main())
