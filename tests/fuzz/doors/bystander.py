"""python -m tests.fuzz.doors.bystander ADDRESS: reads a VIM and reports on it continuously, until its input ends.

It is a process of its own, because the work of the fuzzer must not slow down what is measured. Prints a line when it
has started, and at the end, as JSON, how long its calls took.
"""

from __future__ import annotations

import json
import select
import sys
import time

import grpc

from tests.fuzz.doors.known_vims import BYSTANDER_ID
from vimesh.v1 import conductor_service_pb2, vim_pb2, vim_service_pb2
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

_EVERY_S = 0.05
_CALL_S = 20.0
_STATUSES = (vim_pb2.Vim.REACHABLE, vim_pb2.Vim.UNREACHABLE)


class Bystander:
    """A caller that does nothing odd."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._vims = VimServiceStub(channel)
        self._reports = ConductorServiceStub(channel)
        self._turn = 0
        self.took_s: list[float] = []
        self.failures: list[str] = []

    def call(self) -> None:
        """Read the VIM, or report a changed status."""
        self._turn += 1
        began = time.monotonic()
        try:
            self._read() if self._turn % 2 else self._report(self._turn // 2)
        except grpc.RpcError as error:
            self.failures.append(f"{error.code().name}: {error.details()}")
        self.took_s.append(time.monotonic() - began)

    def _read(self) -> None:
        self._vims.GetVim(vim_service_pb2.GetVimRequest(vim_id=BYSTANDER_ID), timeout=_CALL_S)

    def _report(self, turn: int) -> None:
        report = conductor_service_pb2.UpdateVimRequest(
            vim_id=BYSTANDER_ID, action_id=BYSTANDER_ID, status=_STATUSES[turn // 10 % 2], observation=turn // 10 + 1
        )
        self._reports.UpdateVim(report, timeout=_CALL_S)


def main() -> None:
    with grpc.insecure_channel(sys.argv[1]) as channel:
        bystander = Bystander(channel)
        bystander.call()
        print("begun", flush=True)
        while not select.select([sys.stdin], [], [], _EVERY_S)[0]:
            bystander.call()
    print(json.dumps({"took_s": bystander.took_s, "failures": bystander.failures}), flush=True)


if __name__ == "__main__":
    main()
