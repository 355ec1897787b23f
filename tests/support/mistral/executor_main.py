"""Runs ping actions as a Mistral executor does, without Mistral: `executor_main.py ADDRESS WORD...`.

`run NAME` runs the action of a VIM with that name and prints what run() would return to Mistral; `fork` continues in a
child, for which the parent waits; `wait` waits for a line on standard input.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict

from tests.support.probers.actions import id_of
from vimesh.domain.actions import Action
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.engine.workflow import PingInput
from vimesh.monitor.executor import run_action

_POLICY = ProbePolicy(Method.TCP, 0.5, 0.2, 1, 1)


def run(address: str, name: str) -> None:
    action = Action(id_of(name), f"action-{name}", "http://127.0.0.1:9", _POLICY, 0)
    inputs = asdict(PingInput.of(action))
    done = run_action.run(inputs, f"execution-{name}", {"VIMESH_ADDRESS": address}, synchronous=False)
    print(name, done.error or "runs", flush=True)


def obey(address: str, words: Iterator[str]) -> None:
    for word in words:
        if word == "run":
            run(address, next(words))
        elif word == "wait":
            sys.stdin.readline()
        elif word == "fork" and (child := os.fork()):
            _, status = os.waitpid(child, 0)
            sys.exit(os.waitstatus_to_exitcode(status))


obey(sys.argv[1], iter(sys.argv[2:]))
