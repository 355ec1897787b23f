"""A Debian root with nothing but Debian in it, made by debootstrap, and shells inside.

Where packages come from is taken from this machine: the suite and its mirror from apt, indexes from pip, proxies and
authorities from the environment. Files in /etc that these name are copied. Folders of packages on this machine's disk
are left out: a bare machine has none.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SUITE: Final = "bookworm"
_SUITES: Final = (SUITE, f"{SUITE}-updates", f"{SUITE}-security")
_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_AUTHORITIES: Final = Path("/usr/local/share/ca-certificates")
"""Of this machine alone: the package of authorities puts them beside its own when it is installed inside."""
_TARGETS: Final = ("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages")
_NOT_KEPT: Final = {"DPKG_FORCE": "unsafe-io"}
"""Of a root that is removed, nothing need reach the disk: that would take most of the time."""
_APT_SETTINGS: Final = ("Acquire::http", "Acquire::https", "Acquire::Retries")
_PASSED_ON = re.compile(
    r"(?:https?|ftp|all|no)_proxy|PIP_\w+|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE", re.IGNORECASE
)
_SETTING = re.compile(r"global\.([\w-]+)='(.*)'")
_LOCAL = re.compile(r"file:|/(?!etc/)")
_MAKE_S: Final = 900
_ENTER: Final = """set -e
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
exec chroot "$0" env -i $VARIABLES bash --login -c "$1"
"""


@dataclass(frozen=True)
class BareRoot:
    path: Path
    environment: Mapping[str, str]

    def start(self, script: str, **variables: str) -> subprocess.Popen[str]:
        """Run a script of bash in root's home. All that it starts ends with the process that is returned.

        Its output and its errors are one text.
        """
        return subprocess.Popen(
            self.command(f"cd\n{script}\nexit $?", **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def command(self, script: str, **variables: str) -> list[str]:
        """Return a command line that runs a script of bash inside."""
        variables = {"HOME": "/root", "TERM": "dumb", "LANG": "C.UTF-8", **_NOT_KEPT, **self.environment, **variables}
        quoted = shlex.join(f"{name}={value}" for name, value in variables.items())
        apart = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
        return [*apart, "bash", "-c", _ENTER.replace("$VARIABLES", quoted), str(self.path), script]

    def run(self, script: str, limit_s: float, **variables: str) -> str:
        """Run a script to its end; return what it has printed. Raises CalledProcessError, TimeoutExpired."""
        process = self.start(script, **variables)
        try:
            printed, _ = process.communicate(timeout=limit_s)
        except BaseException:
            process.kill()
            raise
        if process.returncode:
            print(printed, file=sys.stderr)
            raise subprocess.CalledProcessError(process.returncode, script)
        return printed

    def pids(self, *words: str) -> list[int]:
        """Return the processes inside whose command line has these words, one after the other."""
        sought = b"\0" + b"\0".join(word.encode() for word in words) + b"\0"
        return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if self._runs(folder, sought)]

    def _runs(self, process: Path, sought: bytes) -> bool:
        try:
            return self.path.samefile(process / "root") and sought in (process / "cmdline").read_bytes()
        except OSError:
            return False  # It has ended.


@contextmanager
def bare_root() -> Generator[BareRoot]:
    """Make a root in a temporary folder, and remove it at the end. Needs root, debootstrap and about 3 GB."""
    folder = Path(tempfile.mkdtemp(prefix="vimesh-root-")).resolve()
    folder.chmod(0o755)
    try:
        yield _made(folder)
    finally:
        shutil.rmtree(folder)


def _made(folder: Path) -> BareRoot:
    settings = _foreign(_pip_settings())
    environment = _foreign({name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)})
    named = {Path(word) for value in (*settings.values(), *environment.values()) for word in value.split()}
    sources = _sources()
    mirror = next(uri for uri, suite in sources if suite == SUITE)
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--keyring={_KEYRING}", SUITE, str(folder), mirror],
        check=True,
        timeout=_MAKE_S,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **_NOT_KEPT},
    )
    lines = [f"deb [signed-by={_KEYRING}] {uri} {suite} main\n" for uri, suite in sources]
    (folder / "etc/apt/sources.list").write_text("".join(lines))
    (folder / "etc/apt/apt.conf.d/90acquire").write_text(_printed("apt-config", "dump", *_APT_SETTINGS))
    (folder / "etc/pip.conf").write_text("[global]\n" + "".join(f"{name} = {settings[name]}\n" for name in settings))
    shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
    for path in (*(path for path in named if path.is_absolute()), _AUTHORITIES):
        if path.exists():
            _copy(path, folder / path.relative_to("/"))
    return BareRoot(folder, environment)


def _foreign(settings: Mapping[str, str]) -> dict[str, str]:
    """Return settings without what they name on this machine's disk, but in /etc."""
    kept = {name: " ".join(word for word in settings[name].split() if not _LOCAL.match(word)) for name in settings}
    return {name: value for name, value in kept.items() if value}


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, to, dirs_exist_ok=True)
    else:
        shutil.copy(path, to)


def _sources() -> list[tuple[str, str]]:
    """Return the mirrors that apt has for the suite, and what they have of it."""
    listed = (line.split() for line in _printed(*_TARGETS).splitlines())
    found = [(uri, suite) for uri, suite, component in listed if suite in _SUITES and component == "main"]
    if SUITE not in (suite for _, suite in found):
        raise SystemExit(f"apt has no mirror of {SUITE} here: add one to its sources")
    return found


def _pip_settings() -> dict[str, str]:
    """Return what files of pip say for all of its commands; what is in the environment is passed on as it is."""
    return dict(_SETTING.findall(_printed(sys.executable, "-m", "pip", "config", "list")))


def _printed(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def interrupt(process: subprocess.Popen[str]) -> None:
    """Do what Ctrl-C does at a terminal."""
    os.killpg(process.pid, signal.SIGINT)
