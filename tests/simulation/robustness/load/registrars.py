"""Registers VIMs and deregisters them again, and repeats each call until it is answered."""

from __future__ import annotations

import asyncio
import uuid
from random import Random

from tests.simulation.robustness.history import History, now
from tests.simulation.robustness.load.calls import CALL_S, OK, Calls
from tests.simulation.robustness.truth import policy
from tests.support.deployments.conductors import Client
from vimesh.v1 import conductor_service_pb2 as reports
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

Vim = vim_pb2.Vim
GONE = "NOT_FOUND/VIM_NOT_FOUND"
_AGAIN_S = 0.2
_STAYS_S = (2.0, 20.0)


class Registrar:
    def __init__(self, name: str, client: Client, history: History, random: Random) -> None:
        self._name = name
        self._client = client
        self._history = history
        self._calls = Calls(history, name)
        self._random = random

    async def run(self, ending: asyncio.Event) -> None:
        """Register and deregister until it is time to end; the VIM that was registered last stays."""
        while not ending.is_set():
            vim = await self._register()
            try:
                async with asyncio.timeout(self._random.uniform(*_STAYS_S)):
                    await ending.wait()
            except TimeoutError:
                await self._deregister(vim)

    async def _register(self) -> vim_pb2.Vim:
        request_id = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        name = f"{self._name}-{request_id}"
        vim = Vim(name=name, type="openstack", auth_url="http://127.3.0.1:5000/", probe_policy=policy("PING"))
        request = pb.RegisterVimRequest(vim=vim, request_id=request_id)
        began = now()
        while True:
            answer, _ = await self._calls.make("RegisterVim", self._client.vims.RegisterVim(request, timeout=CALL_S))
            if answer is not None:
                self._history.note("registered", vim=answer.vim.id, name=name, began=round(began, 4))
                return answer.vim
            await asyncio.sleep(_AGAIN_S)

    async def _deregister(self, vim: vim_pb2.Vim) -> None:
        request = pb.DeregisterVimRequest(vim_id=vim.id)
        began, doubtful = now(), False
        while True:
            _, code = await self._calls.make("DeregisterVim", self._client.vims.DeregisterVim(request, timeout=CALL_S))
            if code in (OK, GONE):
                break
            doubtful = True
            await asyncio.sleep(_AGAIN_S)
        self._history.note("deregistered", vim=vim.id, began=round(began, 4), outcome=code, doubtful=doubtful)
        await self._is_gone(vim)

    async def _is_gone(self, vim: vim_pb2.Vim) -> None:
        began = now()
        _, code = await self._calls.make(
            "GetVim", self._client.vims.GetVim(pb.GetVimRequest(vim_id=vim.id), timeout=CALL_S)
        )
        self._history.note("gone-read", vim=vim.id, began=round(began, 4), outcome=code)
        began = now()
        report = reports.UpdateVimRequest(vim_id=vim.id, action_id=vim.monitor.action_id, status=Vim.REACHABLE)
        answer, code = await self._calls.make("UpdateVim", self._client.conductor.UpdateVim(report, timeout=CALL_S))
        if answer is not None:
            code = "bad_action" if answer.HasField("bad_action") else "recorded"
        self._history.note("gone-report", vim=vim.id, began=round(began, 4), outcome=code)
