"""Runs one `ping` process per probe, started by threads, as Tacker probed its VIMs.

ping_each_main PING PROBES THREADS: prints how many probes were sent and answered, and the CPU seconds of the `ping`
processes and of the threads that started them.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from benchmarks.probes.targets import Targets
from vimesh.domain.probing import Method

_LIMIT_S = 10.0


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main(ping: str, probes: int, threads: int) -> None:
    targets = Targets(Method.PING, probes, interval_s=1)

    def answers(number: int) -> bool:
        command = [ping, "-c", "1", "-W", "1", targets.address(number)]
        return subprocess.run(command, capture_output=True, timeout=_LIMIT_S, check=False).returncode == 0

    before = _cpu_s()
    with ThreadPoolExecutor(threads) as pool:
        answered = sum(pool.map(answers, range(probes)))
    sys.stdout.write(f"{probes} {answered} {_cpu_s() - before:.6f}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
