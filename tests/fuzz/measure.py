"""python -m tests.fuzz.measure PARSER: reads an input from standard input, and prints its CPU cost in ms.

It is a process of its own, because Python code takes several times as long where atheris has instrumented it.
"""

from __future__ import annotations

import subprocess
import sys
import time

from tests.fuzz.registry import load

_REPEATS = 5
_PATIENCE_S = 60


def measured_apart(parser: str, data: bytes) -> float:
    """Return the CPU that an input takes without instrumentation, in ms."""
    command = [sys.executable, "-m", "tests.fuzz.measure", parser]
    done = subprocess.run(command, input=data, capture_output=True, timeout=_PATIENCE_S, check=True)
    return float(done.stdout)


def _least_ms(parser: str, data: bytes) -> float:
    read = load(parser).read
    took_s = []
    for _ in range(_REPEATS):
        began = time.thread_time()
        read(data)
        took_s.append(time.thread_time() - began)
    return 1000 * min(took_s)


if __name__ == "__main__":
    print(_least_ms(sys.argv[1], sys.stdin.buffer.read()), flush=True)
