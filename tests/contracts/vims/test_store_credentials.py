"""Credentials are read by the wanted action of a VIM that asked for logins, and by no other."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet

from tests.support.sql.stores import registration
from vimesh.domain.access.caller import Caller, CallerRole
from vimesh.domain.access.credential_errors import CredentialsUnreadable, LoginNotWanted
from vimesh.domain.access.vim_credentials import MAX_REGIONS, VimCredentials
from vimesh.domain.errors import BadInput, PermissionDenied
from vimesh.domain.probing import Depth, PolicyChange, ProbePolicy
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import BadAction, Engine, Modification, Vim
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.sql_store import SqlStore, sql_store

MONITOR = Caller("spiffe://vimesh/monitor/m1", frozenset({CallerRole.REPORTER}), None, frozenset({Engine.EMBEDDED}))
AUTH_CRED = {"username": "ann", "password": "kiwi", "nested": {"otp": "fig"}}
LOGIN = ProbePolicy(depth=Depth.LOGIN)


async def registered(store: VimStore, policy: ProbePolicy = LOGIN, **fields: object) -> Vim:
    return await store.register(
        registration(
            auth_cred=AUTH_CRED,
            vim_project={"name": "blue", "token": "plum"},
            placement_attr={"regions": ["one", "two", 3]},
            policy=policy,
            **fields,
        )
    )


async def read(store: VimStore, vim: Vim, action_id: str = "") -> VimCredentials | BadAction:
    return await store.read_credentials(vim.id, action_id or vim.monitor.action_id, MONITOR)


async def test_the_wanted_action_gets_them_with_their_secrets(store: VimStore) -> None:
    vim = await registered(store)

    assert await read(store, vim) == VimCredentials(
        "openstack", AUTH_CRED, {"name": "blue", "token": "plum"}, ("one", "two"), "default"
    )


async def test_no_text_of_them_holds_a_secret(store: VimStore) -> None:
    found = await read(store, await registered(store))

    assert not [secret for secret in ("kiwi", "fig", "plum", "ann") if secret in repr(found)]


async def test_any_other_action_is_not_wanted(store: VimStore) -> None:
    vim, gone = await registered(store), await registered(store)
    await store.deregister(gone.id)
    moved = await registered(store)
    await store.modify(moved.id, Modification(auth_url="http://192.0.2.7:5000/v3", auth_cred=AUTH_CRED))

    assert await read(store, vim, str(uuid.uuid4())) == BadAction()
    assert await read(store, gone) == BadAction()
    assert await read(store, moved) == BadAction()
    assert await store.read_credentials(str(uuid.uuid4()), vim.monitor.action_id, MONITOR) == BadAction()
    assert (
        await store.read_credentials(vim.id, vim.monitor.action_id, replace(MONITOR, projects=frozenset({"other"})))
        == BadAction()
    )


async def test_new_credentials_are_read_at_once_by_the_same_action(store: VimStore) -> None:
    vim = await registered(store)

    await store.modify(vim.id, Modification(auth_cred={"username": "ann", "password": "melon"}))

    found = await read(store, vim)
    assert isinstance(found, VimCredentials)
    assert found.auth_cred["password"] == "melon"


async def test_who_did_not_ask_for_logins_keeps_them(store: VimStore) -> None:
    vim = await registered(store, ProbePolicy())
    with pytest.raises(LoginNotWanted):
        await read(store, vim)

    vim = await store.modify(vim.id, Modification(policy=PolicyChange(depth=Depth.LOGIN), auth_cred=AUTH_CRED))
    assert isinstance(await read(store, vim), VimCredentials)

    vim = await store.modify(vim.id, Modification(policy=PolicyChange(depth=Depth.SERVICE)))
    with pytest.raises(LoginNotWanted):
        await read(store, vim)


async def test_an_action_of_another_engine_gets_none(store: VimStore) -> None:
    vim = await registered(store, engine=Engine.EXTERNAL)

    with pytest.raises(PermissionDenied):
        await read(store, vim)


async def test_of_several_vantages_the_first_logs_in(store: VimStore) -> None:
    vim = await registered(store, replace(LOGIN, vantages=("us", "eu")))

    actions = {action.vantage: action.action_id for action in await store.actions_of([vim.id])}

    assert isinstance(await read(store, vim, actions["us"]), VimCredentials)
    with pytest.raises(LoginNotWanted):
        await read(store, vim, actions["eu"])
    assert await store.read_credentials(vim.id, "", MONITOR) == BadAction()


async def test_regions_are_bounded(store: VimStore) -> None:
    names = [f"r{number}" for number in range(2 * MAX_REGIONS)]
    vim = await store.register(registration(placement_attr={"regions": names}, policy=LOGIN))
    odd = await store.register(registration(placement_attr={"regions": "one"}, policy=LOGIN))

    many, none = await read(store, vim), await read(store, odd)

    assert isinstance(many, VimCredentials)
    assert isinstance(none, VimCredentials)
    assert (many.regions, none.regions) == (tuple(names[:MAX_REGIONS]), ())


async def test_a_lost_key_is_named(store: SqlStore, database_url: str) -> None:
    vim = await registered(store)

    async with sql_store(database_url, Cipher([Fernet.generate_key().decode()])) as other:
        with pytest.raises(CredentialsUnreadable):
            await read(other, vim)


MASKED = {"username": "ann", "password": "***", "nested": {"otp": "***"}}
DEEP = PolicyChange(depth=Depth.LOGIN)


@pytest.mark.parametrize(
    ("policy", "steps"),
    [
        (ProbePolicy(), [Modification(policy=DEEP)]),
        (ProbePolicy(), [Modification(auth_url="http://198.51.100.9/v3", policy=DEEP)]),
        # In two steps, of which the first alone sends nothing anywhere.
        (ProbePolicy(), [Modification(auth_url="http://198.51.100.9/v3"), Modification(policy=DEEP)]),
        (ProbePolicy(), [Modification(policy=DEEP, auth_cred=MASKED)]),
        (LOGIN, [Modification(auth_url="http://198.51.100.9/v3")]),
        (LOGIN, [Modification(auth_url="http://198.51.100.9/v3", auth_cred=MASKED)]),
        (LOGIN, [Modification(auth_cred={**MASKED, "cert_verify": "False"})]),
    ],
)
async def test_nobody_has_credentials_sent_elsewhere_without_knowing_them(
    store: VimStore, policy: ProbePolicy, steps: list[Modification]
) -> None:
    vim = await registered(store, policy)
    for step in steps[:-1]:
        await store.modify(vim.id, step)

    with pytest.raises(BadInput, match="must be given whole") as refused:
        await store.modify(vim.id, steps[-1])

    assert [violation.field for violation in refused.value.violations] == ["vim.auth_cred"]
    # Whoever knows them may do it.
    changed = await store.modify(vim.id, replace(steps[-1], auth_cred=AUTH_CRED | {"domain_name": "new"}))
    assert isinstance(
        await read(store, changed) if changed.policy.depth is Depth.LOGIN else None, VimCredentials | None
    )


async def test_what_changes_nothing_of_a_login_needs_no_credentials(store: VimStore) -> None:
    vim = await registered(store)
    bare = await store.register(registration(auth_cred={}))

    await store.modify(vim.id, Modification(name="other", auth_cred=MASKED, policy=PolicyChange(rise=2)))
    await store.modify(vim.id, Modification(policy=PolicyChange(depth=Depth.API)))
    await store.modify(bare.id, Modification(policy=DEEP))

    assert (await store.get(vim.id)).policy.depth is Depth.API
