"""Refused credentials are tried rarely, changed ones at once, and nothing here holds a secret."""

from __future__ import annotations

import pickle

from vimesh.monitor.logins.lockout_guard import ACCOUNT_TRIES, PAUSES_S, LockoutGuard, RefusedLogins

CLOUD = "10.0.0.1:5000"
ANN = {"username": "ann", "password": "kiwi"}


def test_refused_credentials_wait_longer_each_time() -> None:
    guard, own, now = LockoutGuard(), None, 100.0
    digests = guard.digests(CLOUD, ANN, {})
    assert guard.wait_until(digests, own) == 0

    waits = []
    for _ in range(len(PAUSES_S) + 1):
        own = guard.refused(digests, own, now)
        waits.append(guard.wait_until(digests, own) - now)
        now = guard.wait_until(digests, own)

    assert waits == [*PAUSES_S, PAUSES_S[-1]]


def test_changed_credentials_are_tried_at_once() -> None:
    guard = LockoutGuard()
    own = guard.refused(guard.digests(CLOUD, ANN, {"name": "blue"}), None, 0.0)

    for changed in (
        guard.digests(CLOUD, ANN | {"password": "fig"}, {"name": "blue"}),
        guard.digests(CLOUD, ANN, {"name": "green"}),
        guard.digests("10.0.0.2:5000", ANN, {"name": "blue"}),
    ):
        assert guard.wait_until(changed, own) == 0


def test_vims_of_one_account_lock_it_out_together_no_more_than_alone() -> None:
    guard = LockoutGuard()
    of_vims = [guard.digests(CLOUD, ANN, {"name": f"p{number}"}) for number in range(9)]

    tried = 0
    for digests in of_vims:
        if guard.wait_until(digests, None) <= 0.0:
            tried += 1
            guard.refused(digests, None, 0.0)

    assert tried == ACCOUNT_TRIES
    assert guard.wait_until(guard.digests(CLOUD, ANN | {"password": "fig"}, {}), None) == 0


def test_a_vim_without_a_role_does_not_hold_back_others_of_the_account() -> None:
    guard = LockoutGuard()
    bad, good = guard.digests(CLOUD, ANN, {"name": "bad"}), guard.digests(CLOUD, ANN, {"name": "good"})
    own: RefusedLogins | None = None

    for _ in range(2 * ACCOUNT_TRIES):
        own = guard.refused(bad, own, 0.0)
        guard.accepted(good)
        assert guard.wait_until(good, None) == 0

    assert guard.wait_until(bad, own) > 0


def test_it_holds_no_secret() -> None:
    guard = LockoutGuard()
    own = guard.refused(guard.digests(CLOUD, ANN, {}), None, 0.0)

    assert b"kiwi" not in pickle.dumps((guard, own))
    assert guard.digests(CLOUD, ANN, {}) != LockoutGuard().digests(CLOUD, ANN, {})


def test_it_remembers_a_bounded_number_of_accounts() -> None:
    guard = LockoutGuard()
    for number in range(20_010):
        guard.refused(guard.digests(CLOUD, ANN | {"username": f"u{number}"}, {}), None, 0.0)

    assert len(guard._accounts) == 20_000
