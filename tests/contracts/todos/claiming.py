"""Claims of to-dos, as those who carry them out make them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from vimesh.domain.todos import ClaimedTodo, TodoKind
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Modification, Vim
from vimesh.store.schema.tables import todos
from vimesh.store.sql_store import SqlStore

CLAIM_S = 60.0


async def claimed(store: VimStore, limit: int = 10, claimant: str = "me") -> list[ClaimedTodo]:
    return await store.claim_todos(claimant, limit, CLAIM_S)


async def all_done(store: VimStore) -> list[tuple[TodoKind, str, bool]]:
    """Carry out everything, and say in which order."""
    done: list[tuple[TodoKind, str, bool]] = []
    while todos := await claimed(store):
        for todo in todos:
            await store.finish_todo(todo.id, todo.claim_token)
        done += [(todo.kind, todo.action_id, todo.vim_gone) for todo in todos]
    return done


async def open_todos(store: SqlStore) -> int:
    count = select(func.count()).select_from(todos)
    return int(await store._database.read(lambda c: c.execute(count).scalar_one()))


async def other_target(store: VimStore, vim: Vim, number: int = 9) -> Vim:
    return await store.modify(vim.id, Modification(auth_url=f"http://192.0.2.{number}/"))


def kinds(todos: Sequence[ClaimedTodo]) -> list[TodoKind]:
    return [todo.kind for todo in todos]
