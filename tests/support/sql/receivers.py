"""Makes receivers and notifications, and lets time pass for them: a store reads the clock of its database."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import update

from vimesh.domain.notifications.delivery_store import Claim, ClaimRequest
from vimesh.domain.notifications.notices import Notice
from vimesh.domain.notifications.notifications import Change, ChangeKind, Notification, NotificationKind
from vimesh.domain.notifications.receivers import ClaimedReceiver, ReceiverClaim, ReceiverSettings
from vimesh.domain.notifications.targets import WebhookTarget
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Status
from vimesh.store.schema.notification_tables import notifications, notifiers, receivers
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore

_TIMES = {
    receivers: ("claim_until", "unfinished_since"),
    notifiers: ("active_until",),
    notifications: ("create_time", "update_time"),
}
WEBHOOK = WebhookTarget("https://chat.example/T0/secret-path", "{}", headers={"X-Token": "secret-token"})


def settings(name: str = "ops", **fields: Any) -> ReceiverSettings:  # noqa: ANN401 - any field of the settings
    return ReceiverSettings(**{"project_id": "", "name": name, "target": WEBHOOK, **fields})


async def acquire(
    store: VimStore, notifier_id: str, *known: ClaimedReceiver, release: bool = False, renew_only: bool = False
) -> list[ClaimedReceiver]:
    """Ask as a notifier that knows what earlier calls returned. `release`: give all of it back."""
    claims = [ReceiverClaim(one.receiver_id, one.claim, one.version) for one in known]
    release_ids = [one.receiver_id for one in known] if release else []
    acquired = await store.deliveries.acquire(ClaimRequest(notifier_id, claims, release_ids, renew_only))
    return list(acquired.receivers)


async def claim_one(store: VimStore, notifier_id: str = "n1") -> Claim:
    """Claim the only receiver."""
    [claimed] = await acquire(store, notifier_id)
    return Claim(claimed.receiver_id, notifier_id, claimed.claim)


def notice(vim_id: str = "", **fields: Any) -> Notice:  # noqa: ANN401 - any field of a notice
    known: dict[str, Any] = {
        "vim_name": "lab",
        "group_key": '{"reason":"TIMEOUT"}',
        "status": Status.UNREACHABLE,
        "reason": "TIMEOUT",
        "since": dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.UTC),
        "revision": 1,
        "told_time": dt.datetime(2026, 1, 2, 3, 4, 6, tzinfo=dt.UTC),
    }
    return Notice(vim_id or str(uuid.uuid4()), **(known | fields))


def change(revision: int, **fields: Any) -> Change:  # noqa: ANN401 - any field of a change
    known: dict[str, Any] = {
        "kind": ChangeKind.PROBLEM,
        "vim_id": str(uuid.uuid4()),
        "vim_name": f"lab-{revision}",
        "vim_type": "openstack",
        "project_id": "default",
        "auth_url": "http://192.0.2.1:5000/v3",
        "labels": {"region": "eu"},
        "status": Status.UNREACHABLE,
        "previous_status": Status.REACHABLE,
        "reason": "TIMEOUT",
        "detail": "no answer within 1 s (ü)",
        "time": dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.UTC),
        "since": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
    }
    return Change(revision, **(known | fields))


def notification(receiver_id: str, *changes: Change, **fields: Any) -> Notification:  # noqa: ANN401 - any field of one
    known: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "receiver_name": "ops",
        "kind": NotificationKind.CHANGES,
        "group_key": '{"reason":"TIMEOUT"}',
        "group": {"reason": "TIMEOUT"},
        "vim_count": len(changes),
        "problem_count": len(changes),
        "resolved_count": 0,
    }
    return Notification(receiver_id=receiver_id, changes=changes, **(known | fields))


async def pass_time(store: VimStore, seconds: float) -> None:
    """Let all claims and notifications be that much older."""
    assert isinstance(store, SqlStore)
    shift = micros(seconds)
    shifts = [update(table).values({name: table.c[name] - shift for name in names}) for table, names in _TIMES.items()]
    await store._database.write(lambda connection: [connection.execute(one) for one in shifts])
