"""No process of vimesh writes its memory to a file."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.callers.commands import VIMESH, clean_environment

_PR_GET_DUMPABLE = 3


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
    process = subprocess.Popen(
        [*VIMESH, "monitor", "--address", "127.0.0.1:1"],
        cwd=tmp_path,
        env=clean_environment(),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)),  # noqa: PLW1509 - no threads yet
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


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_root_can_still_attach_and_the_same_user_cannot() -> None:
    program = (
        "import os, sys\n"
        "from vimesh.runtime.core_dumps import forbid_core_dumps\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "forbid_core_dumps()\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        memory = f"/proc/{process.pid}/mem"
        as_same_user = subprocess.run(
            [sys.executable, "-c", f"open({memory!r}, 'rb')"],
            user=65534,
            group=65534,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        with Path(memory).open("rb"):  # as py-spy does
            pass

    assert "PermissionError" in as_same_user.stderr
