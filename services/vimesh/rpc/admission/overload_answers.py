"""How a call is refused for which there is no room: made before, because it must cost as little as it can."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, NoReturn

import grpc
import structlog
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2

from vimesh.domain.errors import Overloaded
from vimesh.rpc.admission.call_priorities import CallPriority
from vimesh.wire.error_statuses import DETAILS_KEY, rich_status

_log = structlog.get_logger()

NO_RETRY: Final = ("x-envoy-ratelimited", "true")
"""Keeps Envoy from repeating the call at another conductor."""

_STEPS: Final = 32
"""So many different delays: callers that were refused together do not come back together."""
_TELL_EVERY_S: Final = 10.0

Trailers = tuple[tuple[str, bytes] | tuple[str, str], ...]


class Refusals:
    """Those of one class of calls. The log is told of the first one, and then every ten seconds of how many."""

    def __init__(
        self,
        call_class: CallPriority,
        *,
        retry_after_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask callers to be back after `retry_after_s` to twice as long."""
        self._class = call_class
        self._code, plain = rich_status(Overloaded())
        self._message = plain.message
        delays_s = [retry_after_s * (1 + step / _STEPS) for step in range(_STEPS)]
        self._trailers: list[Trailers] = [_trailers(plain, delay_s) for delay_s in delays_s]
        self._clock = clock
        self._untold = 0
        self._told_at = float("-inf")

    async def refuse(self, context: grpc.aio.ServicerContext[object, object]) -> NoReturn:
        """End the call. To be called by a frame that holds no request: gRPC keeps what is raised here for a while."""
        self._count()
        trailers = self._trailers[int(random.random() * _STEPS)]  # noqa: S311 - it spreads callers, it hides nothing
        await context.abort(self._code, self._message, trailers)

    def _count(self) -> None:
        self._untold += 1
        now = self._clock()
        if now - self._told_at >= _TELL_EVERY_S:
            _log.warning("calls are refused: too many are under way", of=self._class.value, refused=self._untold)
            self._untold, self._told_at = 0, now


def _trailers(plain: status_pb2.Status, delay_s: float) -> Trailers:
    status = status_pb2.Status()
    status.CopyFrom(plain)
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(int(delay_s * 1000))
    packed = Any()
    packed.Pack(retry)
    kept = [detail for detail in plain.details if not detail.Is(retry.DESCRIPTOR)]
    del status.details[:]
    status.details.extend([*kept, packed])
    return ((DETAILS_KEY, status.SerializeToString()), NO_RETRY)
