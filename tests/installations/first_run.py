"""Types what README and the first page about operating say on a bare Debian 12, and installs the wheel there.

It is `make bare-root`.

The first `make up` is broken off in the midst of an installation, and typed again. It takes ten to forty minutes.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.docs.fleet_by_hand import FOLDER, follow_one_machine_inside
from tests.docs.shell_blocks import ROOT, blocks
from tests.installations.bare_root import BareRoot, bare_root, interrupt

_PREPARED: Final = "apt-get update -qq && apt-get install -y -qq --no-install-recommends"
_DEBIAN_ASKS: Final = {"DEBIAN_FRONTEND": "noninteractive"}
_NAMED_BY_README: Final = ("python3", "git", "make")
_REPOSITORY: Final = "/srv/vimesh.git"
_ADDRESS: Final = re.compile(r"\bADDRESS\b")
_UNPACKING = re.compile(r"(\d+) packages found; unpacking them")
_FEWEST: Final = 100
"""Packages of the runtime; the installation of what builds ours has fewer."""
_UP = re.compile(r"vimesh is up at (\S+):")
_REACHABLE = re.compile(r"^.*\bfirst\b.* REACHABLE\b", re.MULTILINE)
_STEP_S: Final = 1200.0
_STOP_S: Final = 180.0
_FREE: Final = {"VIMESH_UP_PORT": "0", "VIMESH_UP_METRICS_PORT": "0"}
"""The root has no network of its own: others may have the ports."""
_USED: Final = """
set -e
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
python3 -m http.server "$port" --bind 127.0.0.1 >/dev/null 2>&1 &
{vimesh} vim register first --type openstack --auth-url "http://127.0.0.1:$port/v3"
{vimesh} vim wait first --for REACHABLE
{vimesh} vim list
"""


def main() -> None:
    if os.geteuid() != 0:
        raise SystemExit("needs root: debootstrap makes device files, and a shell inside changes its root")
    with bare_root() as root:
        _say("made a root of Debian 12")
        root.run(f"{_PREPARED} {' '.join(_NAMED_BY_README)}", _STEP_S, **_DEBIAN_ASKS)
        _say(f"installed what README names: {', '.join(_NAMED_BY_README)}")
        clone, up = _commands_of(ROOT / "README.md", "Start")[:2]
        _clone_into(root.path / _REPOSITORY.lstrip("/"))
        root.run(_ADDRESS.sub(_REPOSITORY, clone), _STEP_S)
        _break_off(root, f"cd vimesh\n{up}")
        with _serving(root, f"cd vimesh\n{up}") as (address, before):
            _use(root, ".venv/bin/vimesh", "vimesh", address)
        anew = "made .venv anew" if "was broken off" in "".join(before) else "continued, as no package was incomplete"
        _say(f"`make up` again: {anew}, and served; stopped by Ctrl-C")
        made, installed = _commands_of(ROOT / "docs/operating/supply-chain.md", "The wheel")[:2]
        root.run(f"cd vimesh\n{made}", _STEP_S)
        _say("`make dist`")
        root.run(f"{_PREPARED} pipx", _STEP_S, **_DEBIAN_ASKS)
        root.run(f"cd vimesh\n{installed}", _STEP_S)
        with _serving(root, "mkdir elsewhere && cd elsewhere\n~/.local/bin/vimesh up") as (address, _):
            _use(root, "~/.local/bin/vimesh", "elsewhere", address)
        _say("installed the wheel by pipx, and used it")
        root.run(f"{_PREPARED} curl", _STEP_S, **_DEBIAN_ASKS)
        _make_fleet_by_hand(root)
        _say(f"made a fleet by hand in {FOLDER}, as docs/operating/deploying.md says for one machine")


def _commands_of(document: Path, heading: str) -> list[str]:
    """Return the commands of the first block of shell under a heading, without their comments."""
    block = next(each for each in blocks(document) if each.heading == heading and each.language == "sh")
    return [command.typed.partition(" # ")[0].strip() for command in block.commands]


def _clone_into(folder: Path) -> None:
    """Copy what is committed."""
    command = ["git", "clone", "--quiet", "--bare", "--no-hardlinks", "--single-branch", str(ROOT), str(folder)]
    subprocess.run(command, check=True, timeout=_STEP_S)


def _break_off(root: BareRoot, script: str) -> None:
    """Kill pip while it unpacks packages."""
    process = root.start(script, **_FREE)
    try:
        for line in _lines(process):
            unpacking = _UNPACKING.search(line)
            if unpacking and int(unpacking[1]) >= _FEWEST:
                _until_half_unpacked(root.path / "root/vimesh/.venv/lib")
                victims = root.pids("-m", "pip", "install")
                for pid in victims:
                    os.kill(pid, signal.SIGKILL)
                _say(f"killed pip while it unpacked {unpacking[1]} packages")
                break
        else:
            raise SystemExit("`make up` ended before pip unpacked packages")
        if not victims:
            raise SystemExit("no pip was found")
        _drain(process)
    finally:
        process.kill()
    if process.wait() == 0:
        raise SystemExit("`make up` says nothing of an installation that was broken off")


def _until_half_unpacked(library: Path) -> None:
    """Wait until pip has copied some packages, and copies others: the kernel tells of each new folder."""
    [packages] = library.glob("python*/site-packages")
    until = time.monotonic() + _STEP_S
    with _told_of_new_names(packages) as news:
        while len(list(packages.glob("*.dist-info"))) < _FEWEST // 2:
            if signal.sigtimedwait(news, max(0.0, until - time.monotonic())) is None:
                raise TimeoutError


@contextmanager
def _told_of_new_names(folder: Path) -> Generator[set[signal.Signals]]:
    """Yield signals that arrive, and are kept, whenever a folder has got a new name since the block began."""
    news = {signal.SIGIO}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, news)
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.fcntl(opened, fcntl.F_NOTIFY, fcntl.DN_CREATE | fcntl.DN_RENAME | fcntl.DN_MULTISHOT)
        yield news
    finally:
        os.close(opened)
        # One that came in between is taken: unblocked, it would end this process.
        signal.sigtimedwait(news, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _make_fleet_by_hand(root: BareRoot) -> None:
    """Type the page on a machine of its own, where the commands of the checkout are on PATH."""
    work = root.path / FOLDER.relative_to("/")
    work.mkdir()
    shell = root.command(f"export PATH=$HOME/vimesh/.venv/bin:$PATH\ncd {FOLDER}\nexec bash")
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(follow_one_machine_inside(Path(scratch, "one"), work, shell))


@contextmanager
def _serving(root: BareRoot, script: str) -> Generator[tuple[str, list[str]]]:
    """Run a fleet until the block ends; yields its address, and what was printed before it served."""
    process = root.start(script, **_FREE)
    try:
        before = list[str]()
        for line in _lines(process):
            before.append(line)
            if up := _UP.search(line):
                yield up[1], before
                break
        else:
            raise SystemExit("it ended before it served")
        interrupt(process)
        _drain(process)
    finally:
        process.kill()
        process.wait()


def _use(root: BareRoot, vimesh: str, folder: str, address: str) -> None:
    """Register a VIM that answers, and see it reachable."""
    printed = root.run(f"cd {folder}\n{_USED.format(vimesh=vimesh)}", _STOP_S, VIMESH_ADDRESS=address)
    print(printed, end="", flush=True)
    if not _REACHABLE.search(printed):
        raise SystemExit("the VIM is not reachable")


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """Yield lines as they come. Raises TimeoutError."""
    assert process.stdout is not None
    until = time.monotonic() + _STEP_S
    for line in process.stdout:
        print(f"  | {line}", end="", flush=True)
        yield line
        if time.monotonic() > until:
            raise TimeoutError


def _drain(process: subprocess.Popen[str]) -> None:
    """Wait until the process has ended."""
    printed, _ = process.communicate(timeout=_STOP_S)
    print(printed, end="", flush=True)


_BEGAN: Final = time.monotonic()


def _say(what: str) -> None:
    print(f"{time.monotonic() - _BEGAN:6.0f} s  {what}", flush=True)


if __name__ == "__main__":
    main()
