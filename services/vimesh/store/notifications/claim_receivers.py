"""Gives each receiver to one notifier at a time.

All writers take turns, so no two notifiers can take the same receiver. A claim ends by the clock of the database. Each
new claim has a higher number, by which `record_delivery` knows the writes of those that have lost theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from vimesh.domain.notifications.delivery_store import Claim, ClaimRequest
from vimesh.domain.notifications.notifications import NotificationState
from vimesh.domain.notifications.receiver_errors import ClaimLost
from vimesh.domain.notifications.receivers import (
    CLAIM_S,
    MAX_RECEIVERS,
    AcquiredReceivers,
    ClaimedReceiver,
    Receiver,
    UnfinishedDelivery,
)
from vimesh.store.change_log.transaction import Changes
from vimesh.store.notifications.read_receivers import count_notifications
from vimesh.store.notifications.receiver_rows import receiver_of, size_of, unseal_target
from vimesh.store.notifications.share_receivers import share_of
from vimesh.store.rows.credential_encryption import Cipher, Undecipherable
from vimesh.store.schema.notification_tables import receivers
from vimesh.store.schema.timestamps import MICROS, micros
from vimesh.store.sql.sql_functions import among

ANSWER_BYTES: Final = 2 * 1024 * 1024
"""Most bytes of receivers in one answer: a message has at most 4 MiB."""
MAX_SURPLUS: Final = 50
"""Receivers that a notifier is asked to release at a time: whoever takes them begins a watch for each."""
_READ_AT_ONCE: Final = 50
UNREADABLE: Final = "its secrets cannot be decrypted with any of the keys of the conductors"
_CLAIM = micros(CLAIM_S)
_CLAIM_COLUMNS: Final = ("id", "holder", "claim", "claim_until", "version", "revision")
_UNFINISHED_COLUMNS: Final = ("unfinished_since", "unfinished_attempts", "unfinished_first", "unfinished_last")
_ANY = select(receivers.c.id).limit(1)
_STATES = (
    select(*(receivers.c[name] for name in (*_CLAIM_COLUMNS, *_UNFINISHED_COLUMNS)))
    .where(receivers.c.disabled.is_(False))
    .order_by(receivers.c.id)
)
_CLAIMED = select(receivers.c.holder, receivers.c.claim).where(receivers.c.id == bindparam("of_receiver"))
_WHOLE = select(receivers).where(among(receivers.c.id, "ids")).order_by(receivers.c.id)
_OF_IDS = update(receivers).where(among(receivers.c.id, "ids"))
_TAKE = _OF_IDS.values(holder=bindparam("notifier"), claim=receivers.c.claim + 1, claim_until=bindparam("until"))
_RENEW = _OF_IDS.values(claim_until=bindparam("until"))
_RELEASE = _OF_IDS.values(holder="", claim_until=bindparam("now"))
_ADD_PAUSE = _OF_IDS.values(unfinished_since=receivers.c.unfinished_since + bindparam("now") - receivers.c.claim_until)
_SET_ERROR = _OF_IDS.where(receivers.c.last_error != UNREADABLE).values(
    last_error=UNREADABLE, last_error_time=bindparam("at")
)


def has_receivers(connection: Connection) -> bool:
    return connection.execute(_ANY).first() is not None


def require_claim(connection: Connection, claim: Claim) -> None:
    """Raise ClaimLost unless nobody has claimed the receiver since. The claim itself may have ended."""
    row = connection.execute(_CLAIMED, {"of_receiver": claim.receiver_id}).one_or_none()
    if row is None or (row.holder, row.claim) != (claim.notifier_id, claim.number):
        raise ClaimLost(claim.receiver_id)


def acquire(connection: Connection, cipher: Cipher, request: ClaimRequest) -> AcquiredReceivers:
    """Renew, release and take claims; see `DeliveryStore.acquire`."""
    now = Changes.begin(connection).now
    rows = _SortedRows(request, now)
    for row in connection.execute(_STATES).mappings():
        rows.add(row)
    share = share_of(connection, request, rows.count, now)
    answer = _Answer(connection, cipher, now)
    answer.read([row for row in rows.own if row["version"] != rows.claims[row["id"]].version])
    answer.read(rows.free, share - len(rows.own))
    taken = [row for row in rows.free if row["id"] in answer.receivers]
    _update(connection, _ADD_PAUSE, [row for row in taken if row["unfinished_since"] is not None], now=now)
    _update(connection, _TAKE, taken, notifier=request.notifier_id, until=now + _CLAIM)
    _update(connection, _RENEW, rows.own, until=now + _CLAIM)
    _update(connection, _RELEASE, rows.released, now=now)
    # Nobody can work for these, and people see why.
    _update(connection, _SET_ERROR, answer.unreadable, at=now)
    surplus_count = min(max(0, len(rows.own) - share), MAX_SURPLUS)
    return AcquiredReceivers(answer.claimed(rows, taken), surplus_count)


class _SortedRows:
    """The receivers, by what becomes of their claims."""

    def __init__(self, request: ClaimRequest, now: int) -> None:
        self._request = request
        self._release_ids = frozenset(request.release_ids)
        self._now = now
        self.count = 0
        self.claims = {claim.receiver_id: claim for claim in request.claims}
        self.own: list[RowMapping] = []
        self.free: list[RowMapping] = []
        self.released: list[RowMapping] = []

    def add(self, row: RowMapping) -> None:
        self.count += 1
        claim = self.claims.get(row["id"])
        # A process that was restarted with the same name presents nothing, and waits like any other.
        is_own = claim is not None and (row["holder"], row["claim"]) == (self._request.notifier_id, claim.claim)
        if is_own and row["id"] in self._release_ids:
            self.released.append(row)
        elif row["claim_until"] > self._now:
            if is_own:
                self.own.append(row)
        elif not self._request.renew_only:
            self.free.append(row)


class _Answer:
    """The receivers to send, with their secrets: as many as fit into a message."""

    def __init__(self, connection: Connection, cipher: Cipher, now: int) -> None:
        self._connection = connection
        self._cipher = cipher
        self._now = now
        self._bytes = 0
        self.receivers: dict[str, Receiver] = {}
        self.unreadable: list[RowMapping] = []

    def read(self, rows: Sequence[RowMapping], most: int = MAX_RECEIVERS) -> None:
        """Read the receivers of these rows that fit, in their order, but no more than `most`."""
        most += len(self.receivers)
        for start in range(0, len(rows), _READ_AT_ONCE):
            ids = [row["id"] for row in rows[start : start + _READ_AT_ONCE]]
            for whole in self._connection.execute(_WHOLE, {"ids": ids}).mappings():
                size = size_of(whole) + len(whole["secrets"])
                is_too_large = self.receivers and self._bytes + size > ANSWER_BYTES
                if is_too_large or len(self.receivers) >= most:
                    return
                try:
                    target = unseal_target(whole, self._cipher)
                except Undecipherable:
                    self.unreadable.append(whole)
                    continue
                self._bytes += size
                self.receivers[whole["id"]] = receiver_of(whole, self._now, target=target)

    def claimed(self, rows: _SortedRows, taken: Sequence[RowMapping]) -> list[ClaimedReceiver]:
        ids = [row["id"] for row in (*rows.own, *taken)]
        queued = count_notifications(self._connection, ids, NotificationState.QUEUED)
        numbers = {row["id"]: row["claim"] + 1 for row in taken}
        claimed = []
        for row in (*rows.own, *taken):
            receiver_id = row["id"]
            receiver = self.receivers.get(receiver_id)
            claimed.append(
                ClaimedReceiver(
                    receiver_id=receiver_id,
                    claim=numbers.get(receiver_id, row["claim"]),
                    # What does not fit comes with a later answer.
                    version=row["version"] if receiver is not None else rows.claims[receiver_id].version,
                    revision=row["revision"],
                    queued_count=queued.get(receiver_id, 0),
                    receiver=receiver,
                    unfinished=_unfinished_of(row, self._now),
                )
            )
        return claimed


def _unfinished_of(row: RowMapping, now: int) -> UnfinishedDelivery | None:
    """Return what was tried in vain. Only as long as a notifier has the receiver does time count."""
    if row["unfinished_since"] is None:
        return None
    until = min(now, row["claim_until"])
    tried_for_s = max(0, until - row["unfinished_since"]) / MICROS
    return UnfinishedDelivery(row["unfinished_first"], row["unfinished_last"], tried_for_s, row["unfinished_attempts"])


def _update(connection: Connection, statement: object, rows: Sequence[RowMapping], **values: object) -> None:
    if rows:
        connection.execute(statement, {"ids": [row["id"] for row in rows], **values})  # type: ignore[call-overload]
