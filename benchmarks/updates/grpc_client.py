"""Generates the load of a client in Python: grpc.aio, with stubs as any program has them. Checks every answer."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import grpc

from benchmarks.updates.calling import Calls, WrongAnswer
from benchmarks.updates.work import Task
from vimesh.rpc.channels import channel

_CALL_LIMIT_S = 20.0


async def drive(address: str, path: str, calls: Calls[Task], *, callers: int, credentials: Path | None = None) -> None:
    """Keep `callers` calls in flight until the tasks end. Raises WrongAnswer, AioRpcError."""
    async with channel(address, credentials) as opened, asyncio.TaskGroup() as tasks:
        # The messages are serialized beforehand: the call is compared, not protobuf.
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = opened.unary_unary(path)
        for _ in range(callers):
            tasks.create_task(_caller(call, calls))


async def _caller(call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes], calls: Calls[Task]) -> None:
    while (task := calls.take(begun := time.perf_counter())) is not None:
        answer = await call(task.request, timeout=_CALL_LIMIT_S)
        if answer != task.answer:
            raise WrongAnswer.of(answer, task.answer)
        calls.answered(begun, time.perf_counter())
