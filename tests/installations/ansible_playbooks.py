"""Plays playbooks with the collection of deploy/ansible, by the Ansible of an environment of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.docs.shell_blocks import ROOT
from tests.support.callers.commands import clean_environment

COLLECTION = ROOT / "deploy/ansible"
MODULES = ("vim", "vim_info", "vims")
_PROGRAMS = ROOT / ".cache/ansible/bin"
_RESULT = re.compile(r"^(?:ok|changed|failed|fatal|skipping): \[localhost\](?:: FAILED!)? => (?=\{)", re.MULTILINE)
_LIMIT_S = 120


@dataclass(frozen=True)
class Played:
    """What came of a playbook."""

    code: int
    text: str

    @property
    def results(self) -> list[dict[str, Any]]:
        """Return the result of each task, in their order."""
        decoder = json.JSONDecoder()
        return [decoder.raw_decode(self.text, found.end())[0] for found in _RESULT.finditer(self.text)]


class Controller:
    """Who has installed Ansible and the collection."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "HOME": str(folder),
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_COLLECTIONS_PATH": str(folder),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "PYTHONWARNINGS": "",
        }

    def run(self, program: str, *arguments: str | Path, **environment: str) -> Played:
        done = subprocess.run(
            [_PROGRAMS / program, *arguments],
            cwd=self.folder,
            env=clean_environment(**self.environment, **environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_LIMIT_S,
        )
        return Played(done.returncode, done.stdout)

    def play(self, tasks: Sequence[Mapping[str, Any]], *flags: str, **environment: str) -> Played:
        """Play tasks, which tell all that there is to tell. The playbook holds secrets, as one may."""
        playbook = self.folder / "playbook.json"
        playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        return self.run("ansible-playbook", playbook, "-vvv", *flags, **environment)


class ModuleRunner:
    """Runs modules one after the other in one process of the Python that Ansible has."""

    def __init__(self, controller: Controller) -> None:
        path = os.pathsep.join([str(controller.folder), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [_PROGRAMS / "python", Path(__file__).with_name("ansible_modules_main.py"), *MODULES],
            env=clean_environment(**controller.environment, PYTHONPATH=path),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.options: dict[str, Any] = self._answer()
        """The options of each module."""

    def run(
        self, tasks: Sequence[tuple[str, dict[str, Any]]], address: str, *, check: bool, ignore_errors: bool
    ) -> list[dict[str, Any]]:
        """Return the results of modules with their options, up to the first that fails."""
        asked = {"tasks": tasks, "address": address, "check": check, "ignore_errors": ignore_errors}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        results: list[dict[str, Any]] = self._answer()
        return results

    def _answer(self) -> Any:  # noqa: ANN401 - JSON
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=_LIMIT_S)


def controller_with_collection(folder: Path) -> Controller:
    """Let Ansible find the collection of the checkout in a folder, as if it were installed there."""
    (folder / "ansible_collections/vimesh").mkdir(parents=True)
    (folder / "ansible_collections/vimesh/core").symlink_to(COLLECTION)
    return Controller(folder)
