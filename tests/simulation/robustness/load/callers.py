"""Calls UpdateVim: each caller is the ping action of one EXTERNAL VIM, and records every answer that it receives."""

from __future__ import annotations

import asyncio
from random import Random

from tests.simulation.robustness.history import History, now
from tests.simulation.robustness.load.calls import CALL_S, OK, Calls
from tests.support.deployments.conductors import Client
from vimesh.v1 import conductor_service_pb2 as reports
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

Vim = vim_pb2.Vim

_STATUSES = (Vim.REACHABLE, Vim.UNREACHABLE)
_ASK_AGAIN_S = 0.1


class Caller:
    """Every report has a word of its own as its reason, so that each one recorded is one event that can be found."""

    def __init__(
        self, vim: vim_pb2.Vim, client: Client, history: History, random: Random, *, pause_s: float, plain: bool = False
    ) -> None:
        """With `plain`, only reports: no late ones, new targets and reads."""
        self._vim_id = vim.id
        self._action = vim.monitor.action_id
        self._client = client
        self._history = history
        self._calls = Calls(history, f"caller of {vim.name}")
        self._random = random
        self._pause_s = pause_s
        self._plain = plain
        self._observation = 0
        self._targets = 1
        self._last: tuple[int, vim_pb2.Vim.Status.ValueType] | None = None

    async def run(self, ending: asyncio.Event) -> None:
        """Report until it is time to end, and then until one more report has been answered."""
        while not ending.is_set():
            await self._step()
            await asyncio.sleep(self._pause_s * self._random.uniform(0.5, 1.5))
        while await self._report_anew() != "recorded":  # noqa: ASYNC110 - each look is a call
            await asyncio.sleep(_ASK_AGAIN_S)

    async def _step(self) -> None:
        chance = 1.0 if self._plain else self._random.random()
        if chance < 0.01:
            await self._retarget()
        elif chance < 0.06 and self._last is not None:
            # A report that is outdated by now, as from a network that delayed it.
            await self._report(self._action, *self._last)
        elif await self._report_anew() == "recorded" and chance < 0.2:
            await self._read()

    async def _report_anew(self) -> str:
        self._observation += 1
        said = self._observation, self._random.choice(_STATUSES)
        outcome = await self._report(self._action, *said)
        if self._observation % 3 == 0:
            self._last = said
        if outcome == "bad_action":
            await self._learn()
        return outcome

    async def _report(self, action: str, observation: int, status: vim_pb2.Vim.Status.ValueType) -> str:
        began = now()
        request = reports.UpdateVimRequest(
            vim_id=self._vim_id, action_id=action, status=status, observation=observation, reason=f"R{observation}"
        )
        answer, code = await self._calls.make("UpdateVim", self._client.conductor.UpdateVim(request, timeout=CALL_S))
        outcome, newest = code, 0
        if answer is not None:
            newest = answer.newest_observation
            outcome = "bad_action" if answer.HasField("bad_action") else "late" if newest else "recorded"
        self._history.note(
            "report",
            vim=self._vim_id,
            action=action,
            observation=observation,
            status=Vim.Status.Name(status),
            began=round(began, 4),
            outcome=outcome,
            newest=newest,
        )
        return outcome

    async def _read(self) -> None:
        began = now()
        answer, code = await self._calls.make(
            "GetVim", self._client.vims.GetVim(pb.GetVimRequest(vim_id=self._vim_id), timeout=CALL_S)
        )
        if answer is not None and code == OK:
            status, reason = Vim.Status.Name(answer.vim.status), answer.vim.reason
            self._history.note("read", vim=self._vim_id, status=status, reason=reason, began=round(began, 4))

    async def _retarget(self) -> None:
        """Create a new action, and require that the old one cannot report any more."""
        began, old = now(), self._action
        self._targets += 1
        request = pb.ModifyVimRequest(vim=Vim(id=self._vim_id, auth_url=f"http://192.0.2.1:{self._targets}/"))
        answer, code = await self._calls.make("ModifyVim", self._client.vims.ModifyVim(request, timeout=CALL_S))
        new = "" if answer is None else answer.vim.monitor.action_id
        self._history.note("retarget", vim=self._vim_id, old=old, new=new, began=round(began, 4), outcome=code)
        if not new:
            await self._learn()
        else:
            self._last = None
            self._action = new
            self._observation += 1
            await self._report(old, self._observation, Vim.UNREACHABLE)

    async def _learn(self) -> None:
        """Ask which action is wanted, until there is an answer."""
        self._last = None
        while True:
            answer, _ = await self._calls.make(
                "GetVim", self._client.vims.GetVim(pb.GetVimRequest(vim_id=self._vim_id), timeout=CALL_S)
            )
            if answer is not None:
                self._action = answer.vim.monitor.action_id
                return
            await asyncio.sleep(_ASK_AGAIN_S)
