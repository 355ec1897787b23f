"""Reads the credentials of a VIM for the action that is to log in with them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, select

from vimesh.domain.access.caller import Caller
from vimesh.domain.access.credential_errors import CredentialsUnreadable, LoginNotWanted
from vimesh.domain.access.vim_credentials import VimCredentials, regions_of
from vimesh.domain.errors import PermissionDenied
from vimesh.domain.probing import Depth
from vimesh.domain.vims import BadAction
from vimesh.store.rows.credential_encryption import Cipher, Undecipherable
from vimesh.store.rows.vim_rows import policy_of
from vimesh.store.rows.vim_secrets import FREE_FORM, SECRETS, unseal
from vimesh.store.schema.tables import vims
from vimesh.store.shown_vims.view_rows import is_of_first_vantage, read_views
from vimesh.store.vims.read_vims import wanted_actions

_SEALED: Final = select(
    vims.c.type, vims.c.policy, vims.c.project_id, *(vims.c[name] for name in (SECRETS, *FREE_FORM))
).where(vims.c.id == bindparam("vim_id"))


def read_credentials(
    connection: Connection, vim_id: str, action_id: str, cipher: Cipher, caller: Caller
) -> VimCredentials | BadAction:
    """Return the credentials, or that the action is not wanted (G1, G3).

    They are read before the action is judged: one that is wanted afterwards was wanted for what was read, or for what
    came before it. So no action of an old URL gets the credentials of a new one.

    Raises PermissionDenied, LoginNotWanted, CredentialsUnreadable.
    """
    row = connection.execute(_SEALED, {"vim_id": vim_id}).mappings().one_or_none()
    action = None if row is None else wanted_actions(connection, [vim_id]).get(vim_id)
    if (
        row is None
        or action is None
        or not action_id
        or not action.wants(action_id)
        or not caller.sees(action.project_id)
    ):
        return BadAction()
    if action.engine not in caller.engines:
        raise PermissionDenied("the caller does not run the actions of the engine of this one")
    policy = policy_of(row["policy"])
    # Of several vantages, only what the first one reports is recorded.
    of_vim = read_views(connection, [vim_id]).get(vim_id, [])
    if policy.depth is not Depth.LOGIN or not is_of_first_vantage(action_id, policy, of_vim):
        raise LoginNotWanted(vim_id)
    try:
        fields = unseal(row, cipher)
    except Undecipherable as error:
        raise CredentialsUnreadable(vim_id) from error
    return VimCredentials(
        row["type"],
        fields["auth_cred"],
        fields["vim_project"],
        regions_of(fields["placement_attr"]),
        row["project_id"],
    )
