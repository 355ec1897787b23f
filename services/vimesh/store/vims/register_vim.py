"""Registers and deregisters VIMs."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from vimesh.domain.access.caller import Caller
from vimesh.domain.access.quotas import Quotas
from vimesh.domain.actions import shard_key
from vimesh.domain.bulk.bulk_store import DeregisteredVim
from vimesh.domain.errors import DefaultTaken, EtagMismatch, NameTaken, VimIdTaken, VimNotFound
from vimesh.domain.events import EventKind
from vimesh.domain.leases import start_grace_s
from vimesh.domain.vims import BULKY_FIELDS, Engine, Registration, Status, Vim
from vimesh.store.as_of.former_vims import note_former
from vimesh.store.change_log.transaction import NEW_VIM, Changes, previous_of
from vimesh.store.conditions.forget_conditions import forget_conditions
from vimesh.store.history.history_rows import delete_history
from vimesh.store.leases.lapse_leases import record_silence
from vimesh.store.rows import label_rows
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.rows.vim_rows import (
    changed_document_of,
    columns_of_applied,
    copied_columns,
    document_of,
    replaced_values,
    stored_policy,
    vim_of,
)
from vimesh.store.rows.vim_secrets import columns_of_registration, require_complete
from vimesh.store.rows.visible_rows import CONDITIONED, VISIBLE_COLUMNS, WHOLE_VIM, Row, as_started
from vimesh.store.schema.tables import leases, standings, vims
from vimesh.store.schema.timestamps import micros
from vimesh.store.shown_vims.view_rows import has_views, read_views
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.views.divide_views import (
    columns_of_vantages,
    delete_views,
    document_of_stopped,
    insert_first_views,
)
from vimesh.store.views.vantage_check import VantageCheck
from vimesh.store.vims import request_ids
from vimesh.store.vims.quota_check import QuotaCheck

_INSERTS = [
    PreparedStatement(insert(table).values({column.name: bindparam(column.name) for column in table.c}))
    for table in (vims, standings, leases)
]
_OTHER_VIM = select(vims.c.id).where(vims.c.id != bindparam("vim_id"), vims.c.project_id == bindparam("project"))
_OF_NAME = _OTHER_VIM.where(vims.c.name == bindparam("name_"))
_DEFAULT = _OTHER_VIM.where(vims.c.default_of.is_not(None))
_ONE = select(*VISIBLE_COLUMNS, standings.c.number).select_from(WHOLE_VIM).where(vims.c.id == bindparam("vim_id"))
_REMOVE = (
    delete(vims).where(vims.c.id == bindparam("vim_id")),
    delete(standings).where(standings.c.number == bindparam("number")),
    delete(leases).where(leases.c.number == bindparam("number")),
)


def register(
    connection: Connection, registration: Registration, cipher: Cipher, caller: Caller, *, quotas: Quotas
) -> Vim:
    """Register a VIM.

    Raises RequestIdReused, OlderConductors, QuotaExceeded, ChangeRateExceeded, BadInput for a `***`, since no value is
    stored yet; IntegrityError if a key is taken.
    """
    require_complete(registration)
    changes = Changes.begin(connection)
    if registration.request_id:
        earlier = request_ids.find_earlier_vim(connection, registration, cipher, caller)
        if earlier is not None:
            return earlier
    VantageCheck(connection).require(registration.policy)
    quota_check = QuotaCheck(changes, quotas)
    quota_check.require_vim(registration.project_id)
    row = new_row(registration, columns_of_registration(registration, cipher), changes)
    insert_rows(connection, [row])
    after = as_started(row)
    size = changes.add(
        EventKind.REGISTERED,
        after,
        previous=NEW_VIM,
        document=document_of(after, is_masked=True),
        actor=caller.identity,
    )
    quota_check.count(registration.project_id, size)
    quota_check.write()
    changes.write()
    if registration.request_id:
        key = request_ids.request_key(registration, caller)
        request = request_ids.RequestRecord(key, request_ids.encrypted_fingerprint(registration, cipher), row["id"])
        request_ids.insert_requests(connection, [request], changes.now)
    return vim_of(after)


def insert_rows(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows of new VIMs; see `new_row`."""
    full_rows = [{**row, "number": row["revision"], "vim_id": row["id"]} for row in rows]
    for insert_statement in _INSERTS:
        insert_statement.run(connection, full_rows)
    insert_first_views(connection, full_rows)
    label_rows.insert_of(connection, full_rows)


def deregister(connection: Connection, vim_id: str, caller: Caller, *, quotas: Quotas) -> str:
    """Remove a VIM in a transaction of its own, and return its project. Raises as `deregister_one`."""
    changes = Changes.begin(connection)
    quota_check = QuotaCheck(changes, quotas)
    removed = deregister_one(changes, vim_id, caller, quota_check=quota_check)
    quota_check.write()
    changes.write()
    return removed.project_id


def deregister_one(
    changes: Changes, vim_id: str, caller: Caller, *, quota_check: QuotaCheck, etag: str = ""
) -> DeregisteredVim:
    """Remove a VIM in a transaction that may remove others, too. Whatever it raises, nothing was removed.

    `etag`: if given, the VIM must still have it. Raises VimNotFound, EtagMismatch, ChangeRateExceeded.
    """
    connection = changes.connection
    stored = connection.execute(_ONE, {"vim_id": vim_id}).mappings().one_or_none()
    if stored is None or not caller.sees(stored["project_id"]):
        raise VimNotFound(vim_id)
    if etag and etag != stored["etag"]:
        raise EtagMismatch(vim_id)
    quota_check.require_removal(stored["project_id"])
    stopped: list[Row] = [stored]
    if has_views(stored):
        of_vim = read_views(connection, [vim_id])[vim_id]
        stopped = [{**view, "engine": stored["engine"]} for view in of_vim]
        delete_views(connection, stored["number"])
    for remove in _REMOVE:
        connection.execute(remove, {"vim_id": vim_id, "number": stored["number"]})
    label_rows.delete_of(connection, stored)
    if stored[CONDITIONED] is not None:
        forget_conditions(connection, stored["number"])
    delete_history(connection, stored["number"])
    row = record_silence(stored, changes)
    last = {**row, "revision": changes.next_revision()}
    note_former(connection, last)
    size = changes.add(
        EventKind.DEREGISTERED,
        last,
        previous=previous_of(row),
        stopped=stopped[0],
        document={
            **changed_document_of(last, (), replaced_values(last, BULKY_FIELDS)),
            **document_of_stopped(stopped),
        },
        actor=caller.identity,
    )
    quota_check.count(stored["project_id"], size)
    return DeregisteredVim(vim_id, str(stored["name"]), str(stored["project_id"]))


def explain_conflict(connection: Connection, registration: Registration) -> None:
    """Raise the error for the unique key that another VIM holds: VimIdTaken, NameTaken, DefaultTaken."""
    name, project_id = registration.name, registration.project_id
    if connection.execute(_ONE, {"vim_id": registration.vim_id}).first():
        raise VimIdTaken(registration.vim_id)
    raise_if_taken(connection, "", project_id, name=name, is_default=registration.is_default)


def raise_if_taken(connection: Connection, vim_id: str, project_id: str, *, name: str, is_default: bool) -> None:
    """Raise NameTaken or DefaultTaken if another VIM holds the name or is the default of the project."""
    parameters = {"project": project_id, "vim_id": vim_id}
    if connection.execute(_OF_NAME, {**parameters, "name_": name}).first():
        raise NameTaken(name, project_id)
    if is_default and connection.execute(_DEFAULT, parameters).first():
        raise DefaultTaken(project_id)


def first_action_id(vim_id: str, engine: Engine) -> str:
    """Return the id of a VIM's first action in an engine.

    An EXTERNAL action may never have been given an id, so it uses the id of its VIM.
    """
    return vim_id if engine is Engine.EXTERNAL else str(uuid.uuid4())


def new_row(registration: Registration, secret_columns: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """Return all columns of a new VIM. `secret_columns`: see `columns_of_registration`."""
    vim_id = registration.vim_id or str(uuid.uuid4())
    return {
        "id": vim_id,
        "project_id": registration.project_id,
        **copied_columns(registration),
        **secret_columns,
        "default_of": registration.project_id if registration.is_default else None,
        "policy": stored_policy(registration.policy),
        "status": Status.PENDING,
        "reason": "",
        "detail": "",
        "round_trip_s": None,
        "status_time": changes.now,
        "action_id": first_action_id(vim_id, registration.engine),
        "observation": 0,
        "contact_time": None,
        "lease_until": changes.now + micros(start_grace_s(0)),
        "holds": False,
        "unheard": 0,
        "monitor_error": "",
        **columns_of_vantages(registration.policy),
        "shard_key": shard_key(vim_id),
        "etag": secrets.token_hex(16),
        "revision": changes.next_revision(),
        "create_time": changes.now,
        "update_time": changes.now,
        "labels": dict(sorted(registration.labels.items())) or None,
        **columns_of_applied(registration.applied),
    }
