"""Beside a conductor that does not know vantages, no VIM gets any: it would break their actions, and lists of VIMs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import pytest

from tests.support.sql.stores import changes_in, registration
from vimesh.domain.bulk.apply_plan import ApplyRules, DesiredVim
from vimesh.domain.fleet.process_announcements import Announcement, ProcessKind
from vimesh.domain.fleet.upgrade_phases import TABLES_FACT
from vimesh.domain.probing import PolicyChange, ProbePolicy
from vimesh.domain.views.vantage_errors import OlderConductors
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Modification, Registered, Vim

BEFORE, SINCE = "0024", "0025"
POLICIES = [ProbePolicy(vantages=("eu", "us")), ProbePolicy(vantages=("eu",)), ProbePolicy(quorum=1)]
"""What a conductor of before cannot read."""


def conductor(tables: str | None, pid: int) -> Announcement:
    facts = {} if tables is None else {TABLES_FACT: tables}
    return Announcement(str(uuid.uuid4()), ProcessKind.CONDUCTOR, "host", pid, "0.0.1", 10.0, 0.0, facts)


async def announced(store: VimStore, *tables: str | None) -> list[Announcement]:
    conductors = [conductor(each, pid) for pid, each in enumerate(tables)]
    for each in conductors:
        await store.announce_process(each, "")
    return conductors


def desired(name: str, policy: PolicyChange) -> DesiredVim:
    modification = Modification(type="openstack", auth_url="http://192.0.2.1:5000/v3", policy=policy)
    return DesiredVim("default", name, modification, frozenset({"type", "auth_url", "probe_policy.vantages"}))


def kinds(outcomes: Sequence[object]) -> list[type]:
    return [type(one) for one in outcomes]


@pytest.mark.parametrize("policy", POLICIES, ids=["two vantages", "one vantage", "a quorum"])
async def test_what_an_older_conductor_cannot_read_waits_until_it_is_gone(
    store: VimStore, vim: Vim, policy: ProbePolicy
) -> None:
    older = await announced(store, BEFORE, None, SINCE)
    changes = await changes_in(store)

    with pytest.raises(OlderConductors, match=r"^2 conductors of an earlier release run that cannot read vantages"):
        await store.register(registration(policy=policy))
    for change in (policy, PolicyChange(vantages=policy.vantages, quorum=policy.quorum)):
        with pytest.raises(OlderConductors):
            await store.modify(vim.id, Modification(policy=change))
    assert await changes_in(store) == changes
    assert await store.get(vim.id) == vim

    for each in older[:2]:
        await store.withdraw_process(each.process_id, "")
    assert (await store.register(registration(policy=policy))).policy == policy
    assert (await store.modify(vim.id, Modification(policy=policy))).policy == policy


async def test_of_many_only_those_with_vantages_are_refused(store: VimStore, vim: Vim) -> None:
    await announced(store, BEFORE)
    eu = PolicyChange(vantages=("eu",))

    registered = await store.register_many([registration(policy=POLICIES[0]), registration()])
    assert kinds(registered) == [OlderConductors, Registered]
    modified = await store.bulk.modify_many(
        [(vim.id, Modification(policy=eu)), (vim.id, Modification(description="d"))]
    )
    assert kinds(modified) == [OlderConductors, Vim]

    wanted = [desired("lab", eu), desired(vim.name, eu)]
    for only_check in (True, False):
        adopt = ApplyRules("ops", adopt=True)
        assert kinds(await store.bulk.apply_many(wanted, adopt, validate_only=only_check)) == [OlderConductors] * 2


async def test_a_vim_that_has_vantages_can_do_all_else_and_lose_them(store: VimStore) -> None:
    vim = await store.register(registration(policy=POLICIES[0]))
    await announced(store, BEFORE)

    assert (await store.modify(vim.id, Modification(description="d"))).policy == vim.policy
    plain = await store.modify(vim.id, Modification(policy=ProbePolicy()))
    assert plain.policy == ProbePolicy()
    assert (await store.modify(vim.id, Modification(policy=PolicyChange(interval_s=20.0)))).policy.interval_s == 20
    assert (await store.register(registration(policy=ProbePolicy(fall=5)))).policy.fall == 5
