"""Decides what is really up: some hundred addresses, some of which fall silent and come back at known instants."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass
from random import Random

from google.protobuf.duration_pb2 import Duration

from tests.simulation.robustness.history import History, now
from tests.support.networks.namespaces import Namespace
from vimesh.v1 import vim_pb2

_PAUSE_S = (1.0, 4.0)
_MOST = 10
_METHODS = ("PING", "TCP", "HTTP")


@dataclass(frozen=True, slots=True)
class Target:
    address: str
    method: str
    truth: str
    """`up` or `down` for the whole run, or `switched`."""


def targets(count: int) -> list[Target]:
    """Every tenth is always down, half of them are always up, and the others are switched."""
    truths = ("down", *("up",) * 5, *("switched",) * 4)
    first = ipaddress.ip_address("127.1.0.1")
    return [
        Target(str(first + number), _METHODS[number % len(_METHODS)], truths[number % len(truths)])
        for number in range(count)
    ]


def policy(method: str, interval_s: float = 2.0) -> vim_pb2.ProbePolicy:
    asked = vim_pb2.ProbePolicy(method=vim_pb2.ProbePolicy.Method.Value(method), timeout=Duration(seconds=1))
    asked.interval.FromMilliseconds(int(interval_s * 1000))
    return asked


class Weather:
    """Switches addresses off and on, always in the same way for the same seed."""

    def __init__(self, machine: Namespace, addresses: list[str], history: History, random: Random) -> None:
        self._machine = machine
        self._addresses = addresses
        self._history = history
        self._random = random
        self._down: set[str] = set()

    async def run(self) -> None:
        """Switch until cancelled: addresses that are off then stay off."""
        while True:
            await asyncio.sleep(self._random.uniform(*_PAUSE_S))
            chosen = set(self._random.sample(self._addresses, min(_MOST, len(self._addresses))))
            off = chosen - self._down
            await asyncio.shield(self.switch(sorted(chosen & self._down), up=True))
            await asyncio.shield(self.switch(sorted(off), up=False))

    async def switch(self, addresses: list[str], *, up: bool) -> None:
        """Switch all of them at one instant, which lies between `began` and `t`."""
        if not addresses:
            return
        began = now()
        await asyncio.to_thread(self._machine.undrop if up else self._machine.drop, addresses)
        self._down = self._down - set(addresses) if up else self._down | set(addresses)
        self._history.note("switch", addresses=addresses, up=up, began=round(began, 4))

    def is_up(self, address: str) -> bool:
        return address not in self._down
