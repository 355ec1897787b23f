"""Reads VIMs and their actions."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, func, select

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.actions import Action, ActionScope, CurrentAction
from vimesh.domain.credential_masks import mask_text
from vimesh.domain.errors import VimNotFound
from vimesh.domain.probing import without_vantages
from vimesh.domain.views.vantages import DEFAULT_VANTAGE
from vimesh.domain.vims import Engine, Vim
from vimesh.store.rows import bulky_rows
from vimesh.store.rows.vim_rows import policy_of
from vimesh.store.rows.visible_rows import VIM_ID, VISIBLE_COLUMNS, WHOLE_VIM
from vimesh.store.schema.tables import standings, vims
from vimesh.store.schema.view_tables import views
from vimesh.store.shown_vims.current_maintenance import visible_vims
from vimesh.store.shown_vims.view_rows import read_views
from vimesh.store.views.divide_views import stored_vantage

_ONE = select(*VISIBLE_COLUMNS).select_from(WHOLE_VIM).where(vims.c.id == bindparam("vim_id"))
_AND_STANDINGS = vims.join(standings, standings.c.vim_id == vims.c.id)
_HAS_ACTION = standings.c.action_id != ""
"""False for a VIM with several vantages: each of its views has an action."""
_OWN_COLUMNS = (standings.c.action_id, standings.c.observation, standings.c.vantage)
_PROBED_COLUMNS = (vims.c.auth_url, vims.c.policy, vims.c.type)
ACTIONS = select(VIM_ID, *_PROBED_COLUMNS, *_OWN_COLUMNS).select_from(_AND_STANDINGS)
_VIEW_COLUMNS = (views.c.action_id, views.c.observation, views.c.vantage)
_VIEW_ACTIONS = select(views.c.vim_id.label("id"), *_PROBED_COLUMNS, *_VIEW_COLUMNS).select_from(
    views.join(vims, vims.c.id == views.c.vim_id)
)
_ACTIONS_AFTER = (
    ACTIONS.where(
        standings.c.vim_id > bindparam("after"),
        standings.c.engine == bindparam("engine"),
        standings.c.vantage == bindparam("stored_vantage"),
        _HAS_ACTION,
        vims.c.shard_key % bindparam("shards") == bindparam("shard"),
    )
    .order_by(standings.c.vim_id)
    .limit(bindparam("count"))
)
_VIEW_ACTIONS_AFTER = (
    _VIEW_ACTIONS.where(
        views.c.vim_id > bindparam("after"),
        views.c.vantage == bindparam("vantage"),
        vims.c.shard_key % bindparam("shards") == bindparam("shard"),
    )
    .order_by(views.c.vim_id)
    .limit(bindparam("count"))
)
_COUNT = select(func.count()).select_from(standings)
_ACTIONS_OF = ACTIONS.where(standings.c.vim_id.in_(bindparam("ids", expanding=True)), _HAS_ACTION).order_by(
    standings.c.vim_id
)
_VIEW_ACTIONS_OF = _VIEW_ACTIONS.where(views.c.vim_id.in_(bindparam("ids", expanding=True))).order_by(
    views.c.vim_id, views.c.vantage
)

_WANTED = (
    select(standings.c.vim_id, standings.c.action_id, standings.c.engine, vims.c.project_id)
    .select_from(_AND_STANDINGS)
    .where(standings.c.vim_id.in_(bindparam("ids", expanding=True)))
)


def get(connection: Connection, vim_id: str, caller: Caller = OPEN_CALLER) -> Vim:
    """Return one VIM. Raises VimNotFound."""
    row = connection.execute(_ONE, {"vim_id": vim_id}).mappings().one_or_none()
    if row is None or not caller.sees(row["project_id"]):
        raise VimNotFound(vim_id)
    return visible_vims(connection, [row])[0]


def after(connection: Connection, vim_id: str, limit: int, project_id: str) -> list[Vim]:
    return visible_vims(connection, list(bulky_rows.read_after(connection, vim_id, limit, project_id)))


def count(connection: Connection) -> int:
    return connection.execute(_COUNT).scalar_one()


def actions_after(connection: Connection, scope: ActionScope, vim_id: str, limit: int) -> list[Action]:
    """Return wanted actions of a vantage, of which a VIM has at most one, in the order of the VIMs' ids."""
    parameters = {"after": vim_id, "shards": scope.shard.count, "shard": scope.shard.index, "count": limit}
    own = {**parameters, "engine": scope.engine, "stored_vantage": stored_vantage(scope.vantage)}
    rows = list(connection.execute(_in_projects(_ACTIONS_AFTER, scope), own).mappings())
    if scope.engine is Engine.EMBEDDED:
        of_views = {**parameters, "vantage": scope.vantage}
        if viewed := list(connection.execute(_in_projects(_VIEW_ACTIONS_AFTER, scope), of_views).mappings()):
            rows = sorted((*rows, *viewed), key=itemgetter("id"))[:limit]
    return [action_of(row) for row in rows]


def _in_projects(statement: Select[Any], scope: ActionScope) -> Select[Any]:
    return statement if scope.projects is None else statement.where(vims.c.project_id.in_(sorted(scope.projects)))


def actions_of(connection: Connection, vim_ids: Sequence[str]) -> list[Action]:
    """Return the wanted actions of VIMs: of one that several vantages look at, one for each of them."""
    rows = list(connection.execute(_ACTIONS_OF, {"ids": list(vim_ids)}).mappings())
    if viewed := list({*vim_ids} - {row["id"] for row in rows}):
        rows += connection.execute(_VIEW_ACTIONS_OF, {"ids": viewed}).mappings()
    return [action_of(row) for row in rows]


def wanted_actions(connection: Connection, vim_ids: Sequence[str]) -> dict[str, CurrentAction]:
    wanted = _wanted_actions(connection, vim_ids)
    # Views are read after their VIM: one that has none now had its policy changed in between.
    changed = [vim_id for vim_id, current in wanted.items() if not current.action_id and not current.of_views]
    return {**wanted, **_wanted_actions(connection, changed)} if changed else wanted


def _wanted_actions(connection: Connection, vim_ids: Sequence[str]) -> dict[str, CurrentAction]:
    rows = connection.execute(_WANTED, {"ids": list(vim_ids)}).all()
    of_views = read_views(connection, [row.vim_id for row in rows if not row.action_id])
    return {
        vim_id: CurrentAction(
            action_id,
            Engine(engine),
            project,
            frozenset(view["action_id"] for view in of_views.get(vim_id, ())),
        )
        for vim_id, action_id, engine, project in rows
    }


def action_of(row: RowMapping) -> Action:
    return Action(
        row["id"],
        row["action_id"],
        mask_text(row["auth_url"]),
        without_vantages(policy_of(row["policy"])),
        row["observation"],
        row["vantage"] or DEFAULT_VANTAGE,
        row["type"],
    )
