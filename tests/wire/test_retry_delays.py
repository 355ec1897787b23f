from __future__ import annotations

import pytest
from google.rpc import error_details_pb2

from vimesh.domain.errors import Overloaded, StoreUnavailable
from vimesh.wire.error_statuses import rich_status
from vimesh.wire.wire_durations import seconds


def delay_s(error: Overloaded | StoreUnavailable) -> float:
    retry = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(retry) for detail in rich_status(error)[1].details)
    return seconds(retry.retry_delay)


@pytest.mark.parametrize("error", [Overloaded(), StoreUnavailable()])
def test_callers_that_hear_the_same_do_not_come_back_together(error: Overloaded | StoreUnavailable) -> None:
    delays_s = [delay_s(error) for _ in range(100)]

    assert error.retry_after_s <= min(delays_s) < max(delays_s) <= 2 * error.retry_after_s
    assert len(set(delays_s)) > 50
