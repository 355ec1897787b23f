"""How every VimStore keeps conditions and certificates: what was seen last is told by status and time (G1, G6, G8)."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from typing import Any, Final

import pytest
from sqlalchemy import func, select

from tests.support.sql.stores import changes_in, elapse, newest_event, record, registration, report
from vimesh.domain.actions import Shard
from vimesh.domain.conditions.conditions import Certificate, Condition, ConditionStatus, TimedCondition
from vimesh.domain.errors import BadInput
from vimesh.domain.events import EventKind
from vimesh.domain.fleet.process_announcements import Announcement, ProcessKind
from vimesh.domain.fleet.upgrade_phases import TABLES_FACT
from vimesh.domain.probing import Depth, Method, PolicyChange, ProbePolicy
from vimesh.domain.queries import VimQuery
from vimesh.domain.views.vantage_errors import OlderConductors
from vimesh.domain.vim_conditions.condition_reports import ConditionOutcome, ConditionReport, ConditionsRecorded
from vimesh.domain.vim_conditions.condition_rules import MAX_CONDITIONS, REMOVED
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import BadAction, Modification, Status, Vim
from vimesh.store.schema.condition_tables import vim_certificates, vim_conditions
from vimesh.store.schema.timestamps import micros_of
from vimesh.store.sql_store import SqlStore

_TRUE, _FALSE, _UNKNOWN = ConditionStatus
_NEW, _OLD = ConditionsRecorded(is_new=True), ConditionsRecorded(is_new=False)
_DEEP = ProbePolicy(depth=Depth.LOGIN)
CERTIFICATE: Final = Certificate(
    subject="CN=cloud.example.org",
    issuer="CN=An issuer,O=Example",
    names=("cloud.example.org", "192.0.2.1"),
    not_before=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    not_after=dt.datetime(2226, 1, 1, tzinfo=dt.UTC),
    sha256="ab" * 32,
    chain_subjects=("CN=An issuer,O=Example",),
    verified=None,
    verify_error="",
)


def condition(type_: str, status: ConditionStatus = _TRUE, reason: str = "", message: str = "") -> Condition:
    return Condition(type_, status, reason, message)


async def reachable(store: VimStore, policy: ProbePolicy = _DEEP, **fields: Any) -> Vim:  # noqa: ANN401 - of a Registration
    vim = await store.register(registration(policy=policy, **fields))
    await record(store, [report(vim, Status.REACHABLE)])
    return vim


async def see(
    store: VimStore,
    vim: Vim,
    *conditions: Condition,
    **fields: Any,  # noqa: ANN401 - of a ConditionReport
) -> ConditionOutcome | BadInput:
    known: dict[str, Any] = {"vim_id": vim.id, "action_id": vim.monitor.action_id, "conditions": conditions}
    [outcome] = await store.conditions.record([ConditionReport(**(known | fields))])
    return outcome


async def told(store: VimStore, vim: Vim) -> dict[str, TimedCondition]:
    return {one.type: one for one in (await store.get(vim.id)).conditions}


async def rows_left(store: VimStore) -> int:
    assert isinstance(store, SqlStore)
    counts = [select(func.count()).select_from(table) for table in (vim_conditions, vim_certificates)]
    return await store._database.read(lambda c: sum(c.execute(one).scalar_one() for one in counts))


async def test_a_vim_has_no_conditions_until_some_are_reported(store: VimStore) -> None:
    vim = await reachable(store)

    assert (await store.get(vim.id)).conditions == ()
    assert (await store.get(vim.id)).certificate is None


async def test_what_is_seen_is_told_by_every_read_and_one_change(store: VimStore) -> None:
    vim = await reachable(store)
    before = await changes_in(store)

    seen = (condition("ServiceReady"), condition("CertificateValid"), condition("LoggedIn", _FALSE, "REJECTED", "no"))
    assert await see(store, vim, *seen, certificate=CERTIFICATE, reporter="m") == _NEW

    shown = await store.get(vim.id)
    assert [(one.type, one.status, one.reason, one.message) for one in shown.conditions] == [
        ("CertificateValid", _TRUE, "", ""),
        ("LoggedIn", _FALSE, "REJECTED", "no"),
        ("Reachable", _TRUE, "", ""),
        ("ServiceReady", _TRUE, "", ""),
    ]
    assert shown.certificate == CERTIFICATE
    assert shown.conditions[2].transition_time == shown.status_time
    assert await changes_in(store) == before + 1
    event = await newest_event(store)
    assert (event.kind, event.status, event.previous_status) == (EventKind.CONDITION_CHANGED, *(Status.REACHABLE,) * 2)
    assert (event.vim, event.revision, event.actor) == (None, shown.revision, "m")
    assert {one.type: one for one in event.conditions} == {
        one.type: one for one in shown.conditions if one.type != "Reachable"
    }
    assert event.certificate == CERTIFICATE
    assert {one.transition_time for one in event.conditions} == {event.time}
    for read in (
        [one for one in await store.vims_after("", 100) if one.id == vim.id],
        [one for one in (await store.list_vims(VimQuery(page_size=100))).vims if one.id == vim.id],
        await store.bulk.get_many([vim.id]),
    ):
        assert read == [shown]


async def test_what_is_on_record_is_not_written_again(store: VimStore) -> None:
    vim = await reachable(store)
    await see(store, vim, condition("ServiceReady", message="a"), certificate=CERTIFICATE)
    first = await told(store, vim)
    changes = await changes_in(store)

    assert await see(store, vim, condition("ServiceReady", message="a"), certificate=CERTIFICATE) == _OLD
    assert await changes_in(store) == changes

    assert await see(store, vim, condition("ServiceReady", message="b")) == _NEW
    assert await changes_in(store) == changes, "other words alone are no change"
    assert (await told(store, vim))["ServiceReady"] == replace(first["ServiceReady"], message="b")

    await see(store, vim, condition("ServiceReady", reason="SLOW"))
    event = await newest_event(store)
    assert [(one.type, one.reason) for one in event.conditions] == [("ServiceReady", "SLOW")]
    assert event.conditions[0].transition_time == first["ServiceReady"].transition_time
    await see(store, vim, condition("ServiceReady", _FALSE, "NOT_READY"))
    assert (await told(store, vim))["ServiceReady"].transition_time > first["ServiceReady"].transition_time
    assert (await store.get(vim.id)).certificate == CERTIFICATE


async def test_only_the_wanted_action_writes(store: VimStore) -> None:
    vim = await reachable(store)
    changes = await changes_in(store)

    assert await see(store, vim, condition("ServiceReady"), action_id=str(uuid.uuid4())) == BadAction()
    assert await see(store, vim, condition("ServiceReady"), vim_id=str(uuid.uuid4())) == BadAction()
    assert await changes_in(store) == changes
    assert await told(store, vim) == {}


async def test_what_nobody_can_see_any_more_is_not_known(store: VimStore) -> None:
    vim = await reachable(store)
    await see(store, vim, condition("ServiceReady"), condition("Endpoint/image"), condition("CertificateValid"))
    await record(store, [report(vim, Status.UNREACHABLE, 2, reason="TIMEOUT")])

    lost = await told(store, vim)
    down = await store.get(vim.id)
    assert {type_: (one.status, one.reason) for type_, one in lost.items()} == {
        "Reachable": (_FALSE, "TIMEOUT"),
        "ServiceReady": (_UNKNOWN, "NOT_REACHABLE"),
        "Endpoint/image": (_UNKNOWN, "NOT_REACHABLE"),
        "CertificateValid": (_TRUE, ""),
    }
    assert lost["ServiceReady"].message == "the VIM is UNREACHABLE (TIMEOUT); it was TRUE when it was seen last"
    assert lost["ServiceReady"].transition_time == down.status_time

    await record(store, [report(vim, Status.REACHABLE, 3)])
    assert (await told(store, vim))["ServiceReady"].status is _TRUE

    await elapse(store, 1000)
    silent = await told(store, vim)
    assert (silent["ServiceReady"].status, silent["ServiceReady"].reason) == (_UNKNOWN, "SILENT")
    assert (silent["Reachable"].status, silent["Reachable"].reason) == (_UNKNOWN, "SILENT")
    assert silent["CertificateValid"].status is _TRUE


async def test_a_silence_is_on_record_before_what_is_seen_after_it(store: VimStore) -> None:
    vim = await reachable(store)
    await elapse(store, 1000)

    await see(store, vim, condition("CertificateValid"))

    silence, seen = (await store.events_of(vim.id, 2, ""))[0][::-1]
    assert (silence.kind, silence.status, silence.reason) == (EventKind.STATUS_CHANGED, Status.UNKNOWN, "SILENT")
    assert (seen.kind, seen.status, seen.previous_status) == (EventKind.CONDITION_CHANGED, *(Status.UNKNOWN,) * 2)
    assert await store.record_lapses(10) == 0
    assert (await store.get(vim.id)).revision == seen.revision


async def test_a_certificate_ends_without_anybody_looking(store: VimStore) -> None:
    vim = await reachable(store)
    ended = replace(CERTIFICATE, not_after=await store.clock() - dt.timedelta(days=1))
    await see(store, vim, condition("CertificateValid"), certificate=ended)

    shown = (await told(store, vim))["CertificateValid"]
    assert (shown.status, shown.reason, shown.transition_time) == (_FALSE, "EXPIRED", ended.not_after)

    await see(store, vim, condition("CertificateValid"), certificate=CERTIFICATE)
    assert (await told(store, vim))["CertificateValid"].status is _TRUE
    event = await newest_event(store)
    assert (event.conditions, event.certificate) == ((), CERTIFICATE), "another certificate is a change by itself"


async def test_services_that_are_gone_from_the_catalogue_are_removed(store: VimStore) -> None:
    vim = await reachable(store)
    await see(store, vim, *(condition(f"Endpoint/{name}") for name in ("compute", "image", "volumev3")))

    assert await see(store, vim, condition("LoggedIn"), catalogue=frozenset(("compute", "image"))) == _NEW

    assert sorted(await told(store, vim)) == ["Endpoint/compute", "Endpoint/image", "LoggedIn", "Reachable"]
    event = await newest_event(store)
    gone = [(one.status, one.reason) for one in event.conditions if one.type == "Endpoint/volumev3"]
    assert gone == [(_UNKNOWN, REMOVED)]


async def test_a_vim_has_a_limited_number_of_conditions(store: VimStore) -> None:
    vim = await reachable(store)
    names = [f"Endpoint/s{number}" for number in range(MAX_CONDITIONS)]
    assert await see(store, vim, *map(condition, names)) == _NEW

    outcome = await see(store, vim, condition("LoggedIn"))

    assert isinstance(outcome, BadInput)
    assert str(outcome) == f"conditions: the VIM would have {MAX_CONDITIONS + 1}, and may have {MAX_CONDITIONS}"
    assert await see(store, vim, condition(names[0], _FALSE)) == _NEW


async def test_of_several_vantages_the_first_has_a_say(store: VimStore) -> None:
    vim = await store.register(registration(policy=replace(_DEEP, vantages=("eu", "us"))))
    actions = {one.vantage: one.action_id for one in await store.actions_of([vim.id])}

    assert await see(store, vim, condition("ServiceReady"), action_id=actions["us"]) == _OLD
    assert await told(store, vim) == {}
    assert await see(store, vim, condition("ServiceReady"), action_id=actions["eu"]) == _NEW
    assert await see(store, vim, condition("ServiceReady"), action_id=str(uuid.uuid4())) == BadAction()
    assert (await told(store, vim))["ServiceReady"].reason == "NOT_REACHABLE", "it is pending"


async def test_two_reports_of_one_vim_in_one_call_follow_each_other(store: VimStore) -> None:
    vim = await reachable(store)
    first, second = (
        ConditionReport(vim.id, vim.monitor.action_id, (condition("ServiceReady", status),))
        for status in (_FALSE, _TRUE)
    )

    assert await store.conditions.record([first, second, second]) == [_NEW, _NEW, _OLD]
    assert (await told(store, vim))["ServiceReady"].status is _TRUE
    assert [one.kind for one in (await store.events_of(vim.id, 2, ""))[0]] == [EventKind.CONDITION_CHANGED] * 2


async def test_nothing_is_known_of_another_target(store: VimStore) -> None:
    for change in (
        Modification(auth_url="http://192.0.2.9:5000/v3"),
        Modification(type="kubernetes"),
    ):
        vim = await reachable(store)
        await see(store, vim, condition("ServiceReady"), condition("CertificateValid"), certificate=CERTIFICATE)

        assert (await store.modify(vim.id, change)).conditions == ()
        assert (await store.get(vim.id)).certificate is None
        assert await see(store, vim, condition("ServiceReady")) == BadAction()
    assert await rows_left(store) == 0


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (
            PolicyChange(interval_s=20.0),
            ["CertificateValid", "Endpoint/image", "LoggedIn", "Reachable", "ServiceReady"],
        ),
        (PolicyChange(depth=Depth.SERVICE), ["CertificateValid", "Reachable", "ServiceReady"]),
        (PolicyChange(depth=Depth.OF_METHOD), ["CertificateValid", "Reachable"]),
        (PolicyChange(depth=Depth.OF_METHOD, method=Method.TCP), []),
    ],
)
async def test_a_depth_that_is_lower_leaves_what_it_reaches(
    store: VimStore, change: PolicyChange, left: list[str]
) -> None:
    vim = await reachable(store)
    types = ("ServiceReady", "LoggedIn", "Endpoint/image", "CertificateValid")
    await see(store, vim, *map(condition, types), certificate=CERTIFICATE)

    modified = await store.modify(vim.id, Modification(policy=change))

    assert [one.type for one in modified.conditions] == left
    assert (modified.certificate is not None) is bool(left)
    assert await store.get(vim.id) == modified


async def test_what_is_deeper_than_the_policy_is_not_taken(store: VimStore) -> None:
    vim = await reachable(store, ProbePolicy())

    assert await see(store, vim, condition("ServiceReady"), condition("CertificateValid")) == _NEW

    assert sorted(await told(store, vim)) == ["CertificateValid", "Reachable"]


async def test_a_vim_that_is_gone_leaves_nothing(store: VimStore) -> None:
    vim = await reachable(store)
    await see(store, vim, condition("ServiceReady"), certificate=CERTIFICATE)
    assert await rows_left(store) == 2

    await store.deregister(vim.id)

    assert await rows_left(store) == 0


async def test_beside_conductors_that_do_not_know_conditions_none_are_recorded(store: VimStore, vim: Vim) -> None:
    deep = await reachable(store)
    facts = {TABLES_FACT: "0027"}
    older = Announcement(str(uuid.uuid4()), ProcessKind.CONDUCTOR, "host", 1, "0.0.1", 10.0, 0.0, facts)
    await store.announce_process(older, "")

    with pytest.raises(OlderConductors, match="cannot read conditions"):
        await see(store, deep, condition("ServiceReady"))
    for policy in (_DEEP, ProbePolicy(login_interval_s=60.0)):
        with pytest.raises(OlderConductors, match="cannot read depths"):
            await store.modify(vim.id, Modification(policy=policy))
    assert await see(store, deep) == _OLD

    await store.withdraw_process(older.process_id, "")
    assert await see(store, deep, condition("ServiceReady")) == _NEW
    assert (await store.modify(vim.id, Modification(policy=_DEEP))).policy == _DEEP


async def test_metrics_get_conditions_in_pages_as_they_read_by_time(store: VimStore) -> None:
    ended = replace(CERTIFICATE, not_after=await store.clock() - dt.timedelta(days=1))
    vims = [await reachable(store) for _ in range(2)]
    for vim in vims:
        await see(store, vim, condition("ServiceReady"), condition("CertificateValid"), certificate=ended)

    everything, after = [], (0, "")
    while page := await store.conditions.condition_samples(Shard(), after, 1):
        everything += page
        after = page[-1][:2]

    assert [(one.type, one.status) for one in everything] == [("CertificateValid", _FALSE), ("ServiceReady", _TRUE)] * 2
    halves = [await store.conditions.condition_samples(Shard(index, 2), (0, ""), 10) for index in range(2)]
    assert sorted(one for half in halves for one in half) == sorted(everything)
    ends = await store.conditions.certificate_samples(Shard(), 0, 10)
    assert [one.number for one in ends] == sorted({one.number for one in everything})
    assert {one.not_after for one in ends} == {micros_of(ended.not_after)}
    assert await store.conditions.certificate_samples(Shard(), ends[-1].number, 10) == []
