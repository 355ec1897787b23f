"""No process of vimesh writes its memory to a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.callers.commands import VIMESH, clean_environment

_PR_GET_DUMPABLE = 3
_PR_SET_DUMPABLE = 4
_NOBODY = 65534


def test_a_process_forbids_dumps_of_itself_and_of_what_it_starts() -> None:
    program = (
        "import ctypes, resource, subprocess, sys\n"
        "from vimesh.runtime.core_dumps import forbid_core_dumps\n"
        f"before = ctypes.CDLL(None).prctl({_PR_GET_DUMPABLE}, 0, 0, 0, 0)\n"
        "forbid_core_dumps()\n"
        f"print(before, ctypes.CDLL(None).prctl({_PR_GET_DUMPABLE}, 0, 0, 0, 0), flush=True)\n"
        "subprocess.run(['sh', '-c', 'ulimit -c'], check=True)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout == "1 0\n0\n"


@pytest.mark.parametrize("kind", [signal.SIGABRT, signal.SIGSEGV])
def test_a_monitor_that_crashes_leaves_no_core(tmp_path: Path, kind: signal.Signals) -> None:
    unlimited = ["sh", "-c", 'ulimit -c unlimited && exec "$@"', "sh"]
    process = subprocess.Popen(
        [*unlimited, *VIMESH, "monitor", "--address", "127.0.0.1:1"],
        cwd=tmp_path,
        env=clean_environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    process.stderr.readline()  # it runs
    limits = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
    os.kill(process.pid, kind)
    _, status = os.waitpid(process.pid, 0)
    process.stderr.close()
    process.returncode = status

    assert [line.split()[4:6] for line in limits if line.startswith("Max core file size")] == [["0", "0"]]
    assert os.WIFSIGNALED(status)
    assert not os.WCOREDUMP(status)
    assert not list(tmp_path.glob("core*"))


def may_read_memory(pid: int, user: int) -> bool:
    """Return whether a user may look into a process: the kernel asks the same for its variables and its memory."""
    command = ["head", "-c", "1", f"/proc/{pid}/environ"]
    return subprocess.run(command, user=user, extra_groups=[], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_only_root_can_attach() -> None:
    program = (
        "import ctypes, os\n"
        "from vimesh.runtime.core_dumps import forbid_core_dumps\n"
        f"os.setuid({_NOBODY})\n"
        f"ctypes.CDLL(None).prctl({_PR_SET_DUMPABLE}, 1, 0, 0, 0)\n"  # as after an exec
        "print('open', flush=True)\n"
        "input()\n"
        "forbid_core_dumps()\n"
        "print('forbidden', flush=True)\n"
        "input()\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        before = may_read_memory(process.pid, _NOBODY)
        process.stdin.write("\n")
        assert process.stdout.readline() == "forbidden\n"
        after = [may_read_memory(process.pid, user) for user in (_NOBODY, 0)]
        process.stdin.write("\n")

    assert before
    assert after == [False, True]
