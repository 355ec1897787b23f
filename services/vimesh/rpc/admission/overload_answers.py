"""Refuses calls for which there is no room. The answers are built in advance, because a refusal must be cheap."""

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
from vimesh.rpc.rpc_table import CallPriority
from vimesh.wire.error_statuses import DETAILS_KEY, rich_status

_log = structlog.get_logger()

NO_RETRY: Final = ("x-envoy-ratelimited", "true")
"""Keeps Envoy from retrying the call at another conductor."""

_STEPS: Final = 32
"""Number of distinct delays: callers that were refused together should not return together."""
_LOG_INTERVAL_S: Final = 10.0

Trailers = tuple[tuple[str, bytes] | tuple[str, str], ...]


class Refusals:
    """Refuses calls of one priority. Logs the first refusal, and then the number of refusals every ten seconds."""

    def __init__(
        self,
        priority: CallPriority,
        *,
        retry_after_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask callers to retry after one to two times `retry_after_s`."""
        self._priority = priority
        self._code, plain = rich_status(Overloaded())
        self._message = plain.message
        delays_s = [retry_after_s * (1 + step / _STEPS) for step in range(_STEPS)]
        self._trailers: list[Trailers] = [_trailers(plain, delay_s) for delay_s in delays_s]
        self._clock = clock
        self.count = 0
        """The calls that were refused, so far."""
        self._unlogged = 0
        self._logged_at = float("-inf")

    async def refuse(self, context: grpc.aio.ServicerContext[object, object]) -> NoReturn:
        """End the call. Call this from a frame that holds no request, as gRPC keeps the exception for a while."""
        self._count()
        trailers = self._trailers[int(random.random() * _STEPS)]  # noqa: S311 - it spreads callers, and is not a secret
        await context.abort(self._code, self._message, trailers)

    def _count(self) -> None:
        self.count += 1
        self._unlogged += 1
        now = self._clock()
        if now - self._logged_at >= _LOG_INTERVAL_S:
            _log.warning("calls are refused: too many are under way", of=self._priority.value, refused=self._unlogged)
            self._unlogged, self._logged_at = 0, now


def _trailers(plain: status_pb2.Status, delay_s: float) -> Trailers:
    status = status_pb2.Status()
    status.CopyFrom(plain)
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(int(delay_s * 1000))
    packed = Any()
    packed.Pack(retry)
    other_details = [detail for detail in plain.details if not detail.Is(retry.DESCRIPTOR)]
    del status.details[:]
    status.details.extend([*other_details, packed])
    return ((DETAILS_KEY, status.SerializeToString()), NO_RETRY)
