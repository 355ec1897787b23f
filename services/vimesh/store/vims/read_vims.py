"""Reads VIMs and their actions."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, bindparam, func, select

from vimesh.domain.access.caller import OPEN_CALLER, Caller
from vimesh.domain.actions import Action, ActionScope, CurrentAction
from vimesh.domain.credential_masks import mask_text
from vimesh.domain.errors import VimNotFound
from vimesh.domain.vims import Engine, Vim
from vimesh.store.rows import bulky_rows
from vimesh.store.rows.current_maintenance import visible_vims
from vimesh.store.rows.vim_rows import policy_of
from vimesh.store.rows.visible_rows import VIM_ID, VISIBLE_COLUMNS, WHOLE_VIM
from vimesh.store.schema.tables import standings, vims

_ONE = select(*VISIBLE_COLUMNS).select_from(WHOLE_VIM).where(vims.c.id == bindparam("vim_id"))
_AND_STANDINGS = vims.join(standings, standings.c.vim_id == vims.c.id)
ACTIONS = select(VIM_ID, standings.c.action_id, vims.c.auth_url, vims.c.policy, standings.c.observation).select_from(
    _AND_STANDINGS
)
_ACTIONS_AFTER = (
    ACTIONS.where(
        standings.c.vim_id > bindparam("after"),
        standings.c.engine == bindparam("engine"),
        vims.c.shard_key % bindparam("shards") == bindparam("shard"),
    )
    .order_by(standings.c.vim_id)
    .limit(bindparam("count"))
)
_COUNT = select(func.count()).select_from(standings)
_ACTIONS_OF = ACTIONS.where(standings.c.vim_id.in_(bindparam("ids", expanding=True))).order_by(standings.c.vim_id)

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
    statement = _ACTIONS_AFTER
    if scope.projects is not None:
        statement = statement.where(vims.c.project_id.in_(sorted(scope.projects)))
    rows = connection.execute(
        statement,
        {
            "after": vim_id,
            "engine": scope.engine,
            "shards": scope.shard.count,
            "shard": scope.shard.index,
            "count": limit,
        },
    )
    return [action_of(row) for row in rows.mappings()]


def actions_of(connection: Connection, vim_ids: Sequence[str]) -> list[Action]:
    return [action_of(row) for row in connection.execute(_ACTIONS_OF, {"ids": list(vim_ids)}).mappings()]


def wanted_actions(connection: Connection, vim_ids: Sequence[str]) -> dict[str, CurrentAction]:
    rows = connection.execute(_WANTED, {"ids": list(vim_ids)})
    return {vim_id: CurrentAction(action_id, Engine(engine), project) for vim_id, action_id, engine, project in rows}


def action_of(row: RowMapping) -> Action:
    return Action(row["id"], row["action_id"], mask_text(row["auth_url"]), policy_of(row["policy"]), row["observation"])
