"""When all connections to a server are given up."""

from __future__ import annotations

import pytest

from vimesh.store.databases.connection_pool import ServerConnections


@pytest.mark.parametrize(("quiet_s", "times"), [(1.9, 0), (2.0, 1)])
def test_who_waits_in_vain_at_a_server_that_answers_others_ends_no_connection(quiet_s: float, times: int) -> None:
    """It waits for a lock: new connections would not help, and be one more burden."""
    now_s = 100.0
    renewals: list[bool] = []
    connections = ServerConnections(lambda: now_s)
    with connections.on_renewal(lambda: renewals.append(True)):
        now_s += 60
        connections.note_answer()
        now_s += quiet_s
        connections.note_timeout()
    assert len(renewals) == times


def test_nobody_is_told_of_a_renewal_any_more_who_has_left() -> None:
    renewals: list[bool] = []
    connections = ServerConnections()
    with connections.on_renewal(lambda: renewals.append(True)):
        connections.renew()
    connections.renew()
    assert renewals == [True]
