"""Registers at one conductor and reports at another one at once: which answers do people and actions get?"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import grpc

from tests.simulation.robustness.history import History, now
from tests.simulation.robustness.load.calls import CALL_S, OK, code_of
from tests.support.deployments.conductors import Client
from vimesh.v1 import conductor_service_pb2 as reports
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

_FLOOD = 200


def _registration() -> pb.RegisterVimRequest:
    vim = vim_pb2.Vim(name=f"round-{uuid.uuid4()}", type="openstack", auth_url="http://192.0.2.1:1/")
    return pb.RegisterVimRequest(vim=vim, engine=vim_pb2.Monitor.EXTERNAL)


class Rounds:
    """Each step is taken at another conductor than the previous one, and its outcome is recorded."""

    def __init__(self, conductors: Sequence[Client], history: History) -> None:
        self._conductors = conductors
        self._history = history

    async def play(self, first: int) -> None:
        """Play a round that starts at a conductor."""
        here, there = self._conductors[first], self._conductors[1 - first]
        began, outcome = now(), OK
        try:
            vim = (await here.vims.RegisterVim(_registration(), timeout=CALL_S)).vim
            self._history.note("registered", vim=vim.id, name=vim.name, began=round(began, 4))
            outcome = await self._first_steps(vim, there)
            began_end = now()
            await there.vims.DeregisterVim(pb.DeregisterVimRequest(vim_id=vim.id), timeout=CALL_S)
            self._history.note(
                "deregistered", vim=vim.id, began=round(began_end, 4), outcome=OK, doubtful=outcome != OK
            )
            if outcome == OK and await _report(here, vim) != "bad_action":
                outcome = "taken after the end"
        except grpc.aio.AioRpcError as error:
            outcome = code_of(error)
        self._history.note("round", began=round(began, 4), outcome=outcome)

    async def _first_steps(self, vim: vim_pb2.Vim, there: Client) -> str:
        said = await _report(there, vim)
        if said != "recorded":
            return said
        found = (await there.vims.GetVim(pb.GetVimRequest(vim_id=vim.id), timeout=CALL_S)).vim
        return OK if found.status == vim_pb2.Vim.REACHABLE else "reads another status"

    async def flood(self) -> None:
        """Register many at the first conductor."""
        began = now()
        request = pb.RegisterVimsRequest(requests=[_registration() for _ in range(_FLOOD)])
        try:
            answer = await self._conductors[0].vims.RegisterVims(request, timeout=CALL_S)
        except grpc.aio.AioRpcError as error:
            self._history.note("round", began=round(began, 4), outcome=f"flood {code_of(error)}")
            return
        for asked, result in zip(request.requests, answer.results, strict=True):
            if result.HasField("registered"):
                self._history.note(
                    "registered", vim=result.registered.vim_id, name=asked.vim.name, began=round(began, 4)
                )
            else:
                self._history.note("round", began=round(began, 4), outcome=f"flood {result.refused.message}")


async def _report(conductor: Client, vim: vim_pb2.Vim) -> str:
    request = reports.UpdateVimRequest(
        vim_id=vim.id, action_id=vim.monitor.action_id, status=vim_pb2.Vim.REACHABLE, observation=1
    )
    answer = await conductor.conductor.UpdateVim(request, timeout=CALL_S)
    return "bad_action" if answer.HasField("bad_action") else "recorded"
