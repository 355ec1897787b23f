"""VIMs are made what they are said to be, and what other people have set is left to them."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc.error_details_pb2 import ErrorInfo

from tests.support.deployments.conductors import Client
from vimesh.domain.bulk.bulk_store import MAX_CHANGES
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Monitor, ProbePolicy, Vim, VimEvent

REGISTERED, MODIFIED, UNCHANGED, DEREGISTERED, REFUSED = "REGISTERED", "MODIFIED", "UNCHANGED", "DEREGISTERED", ""
URL = "http://192.0.2.1:5000/v3"


def entry(name: str = "lab", *paths: str, **fields: Any) -> pb.VimToApply:  # noqa: ANN401 - of any field
    own = {key: fields.pop(key) for key in ("engine", "etag", "is_new", "absent") if key in fields}
    vim = Vim(**{"name": name, "type": "openstack", "auth_url": URL, **fields})
    return pb.VimToApply(vim=vim, update_mask=FieldMask(paths=paths), **own)


def info_of(result: pb.ApplyVimResult) -> ErrorInfo:
    info = ErrorInfo()
    assert result.refused.details[0].Unpack(info)
    return info


def kind_of(result: pb.ApplyVimResult) -> str:
    """Return the outcome, or why the VIM was refused."""
    return str(info_of(result).reason) if result.HasField("refused") else pb.ApplyVimResult.Outcome.Name(result.outcome)


def changes_of(result: pb.ApplyVimResult) -> dict[str, tuple[str, str]]:
    return {change.field: (change.before, change.after) for change in result.changes}


async def apply(
    client: Client, *entries: pb.VimToApply, apply_set: str = "lab", **how: bool
) -> list[pb.ApplyVimResult]:
    request = pb.ApplyVimsRequest(apply_set=apply_set, vims=entries, **how)
    return list((await client.vims.ApplyVims(request, timeout=30)).results)


async def outcomes(client: Client, *entries: pb.VimToApply, **how: Any) -> list[str]:  # noqa: ANN401 - as `apply`
    return [kind_of(result) for result in await apply(client, *entries, **how)]


async def all_vims(client: Client, filter_: str = "") -> dict[str, Vim]:
    vims = (await client.vims.ListVims(pb.ListVimsRequest(page_size=1000, filter=filter_), timeout=30)).vims
    return {vim.name: vim for vim in vims}


async def modify(client: Client, vim: Vim, *paths: str) -> Vim:
    request = pb.ModifyVimRequest(vim=vim, update_mask=FieldMask(paths=paths))
    return (await client.vims.ModifyVim(request, timeout=30)).vim


async def revision(client: Client) -> int:
    events = (await client.vims.ListVimEvents(pb.ListVimEventsRequest(page_size=1), timeout=30)).events
    return events[0].revision if events else 0


def whole(**fields: Any) -> pb.VimToApply:  # noqa: ANN401 - of any field
    one = entry(
        description="the lab",
        labels={"region": "eu"},
        probe_policy=ProbePolicy(method=ProbePolicy.TCP, interval=Duration(seconds=30)),
        **fields,
    )
    one.vim.auth_cred.update({"username": "nfv", "password": "s3cret"})
    one.vim.extra.update({"rack": "7"})
    return one


async def test_vims_are_registered_changed_and_then_left_alone(client: Client) -> None:
    [first] = await apply(client, whole())
    stored = (await all_vims(client))["lab"]
    before = await revision(client)
    [again] = await apply(client, whole())

    assert (kind_of(first), first.vim_id, first.etag) == (REGISTERED, stored.id, "")
    assert (kind_of(again), again.vim_id, again.etag) == (UNCHANGED, stored.id, stored.etag)
    assert await revision(client) == before
    assert (stored.description, dict(stored.labels)) == ("the lab", {"region": "eu"})
    assert stored.probe_policy.interval.seconds == 30
    assert stored.applied.apply_set == "lab"
    assert list(stored.applied.fields) == [
        *("auth_cred", "auth_url", "description", "extra", "labels.region"),
        *("probe_policy.interval", "probe_policy.method", "type"),
    ]

    wanted = whole(auth_url="http://192.0.2.2/")
    wanted.vim.labels["region"] = "us"
    wanted.vim.auth_cred["password"] = "other"
    wanted.vim.probe_policy.interval.seconds = 60
    [changed] = await apply(client, wanted)

    assert kind_of(changed) == MODIFIED
    assert changes_of(changed) == {
        "auth_url": (f'"{URL}"', '"http://192.0.2.2/"'),
        "labels.region": ('"eu"', '"us"'),
        "probe_policy.interval": ("30s", "60s"),
        "auth_cred": ('{"password": "***", "username": "nfv"}',) * 2,
    }
    assert "other" not in str(changed)
    events = (await client.vims.ListVimEvents(pb.ListVimEventsRequest(vim_id=stored.id), timeout=30)).events
    assert events[0].kind == VimEvent.MODIFIED
    assert (await client.get(stored.id)).monitor.action_id != stored.monitor.action_id


async def test_a_check_says_what_would_change_and_changes_nothing(client: Client) -> None:
    checked = await outcomes(client, entry(), validate_only=True)
    assert (checked, await all_vims(client)) == ([REGISTERED], {})

    await apply(client, entry())
    before, stored = await revision(client), (await all_vims(client))["lab"]
    [modified] = await apply(client, entry(description="d"), validate_only=True)
    [removed] = await apply(client, entry(absent=True), validate_only=True)

    assert (kind_of(modified), modified.etag, changes_of(modified)) == (
        MODIFIED,
        stored.etag,
        {"description": ('""', '"d"')},
    )
    assert kind_of(removed) == DEREGISTERED
    assert (await revision(client), (await all_vims(client))["lab"]) == (before, stored)


async def test_fields_of_other_people_stay(client: Client) -> None:
    await apply(client, entry(labels={"region": "eu"}))
    vim = (await all_vims(client))["lab"]
    await modify(client, Vim(id=vim.id, description="theirs", labels={"owner": "ann"}), "description", "labels.owner")

    assert await outcomes(client, entry(labels={"region": "us"})) == [MODIFIED]
    after = await client.get(vim.id)
    assert (after.description, dict(after.labels)) == ("theirs", {"region": "us", "owner": "ann"})


async def test_what_others_have_changed_is_not_set_back_without_force(client: Client) -> None:
    wanted = entry(description="ours", labels={"region": "eu"})
    await apply(client, wanted)
    vim = (await all_vims(client))["lab"]
    theirs = await modify(client, Vim(id=vim.id, description="theirs"), "description", "labels.region")

    [refused] = await apply(client, wanted)
    assert (list(theirs.applied.overridden_fields), list(theirs.applied.fields)) == (
        ["description", "labels.region"],
        ["auth_url", "type"],
    )
    assert (kind_of(refused), info_of(refused).metadata["fields"]) == ("APPLY_CONFLICT", "description,labels.region")
    assert await client.get(vim.id) == theirs

    # What the file leaves to them, or says like them, is no conflict.
    assert await outcomes(client, entry(description="theirs")) == [MODIFIED]
    assert (await client.get(vim.id)).applied.overridden_fields == []
    await modify(client, Vim(id=vim.id, description="theirs again"), "description")
    assert await outcomes(client, entry()) == [MODIFIED]
    assert (await client.get(vim.id)).description == "theirs again"
    assert await outcomes(client, wanted, force=True) == [MODIFIED]
    after = await client.get(vim.id)
    assert (after.description, dict(after.labels)) == ("ours", {"region": "eu"})


async def test_a_field_that_is_given_no_more_gets_its_default(client: Client) -> None:
    full = whole(is_default=True)
    full.vim.probe_policy.fall = 7
    await apply(client, full)
    before = (await all_vims(client))["lab"]
    assert await outcomes(client, entry()) == [MODIFIED]

    after = (await all_vims(client))["lab"]
    assert (before.is_default, before.probe_policy.fall, dict(before.auth_cred)["username"]) == (True, 7, "nfv")
    assert (after.description, len(after.labels), len(after.extra), len(after.auth_cred)) == ("", 0, 0, 0)
    assert (after.is_default, after.probe_policy.fall, after.probe_policy.interval.seconds) == (False, 3, 10)
    assert list(after.applied.fields) == ["auth_url", "type"]
    assert await outcomes(client, entry()) == [UNCHANGED]


async def test_a_vim_of_others_is_only_touched_if_it_is_adopted(client: Client) -> None:
    vim = await client.register(name="lab", type="openstack", auth_url=URL, description="theirs")
    other = entry("two")
    await apply(client, other, apply_set="other")

    refused = await apply(client, entry(), other, entry(absent=True), entry("two", absent=True, etag="x"))
    assert [kind_of(one) for one in refused[:2]] == ["NOT_IN_APPLY_SET"] * 2
    assert [kind_of(one) for one in refused[2:]] == ["BAD_INPUT"] * 2
    assert [info_of(one).metadata["apply_set"] for one in refused[:2]] == ["", "other"]
    assert await outcomes(client, entry(absent=True), entry("two", absent=True)) == ["NOT_IN_APPLY_SET"] * 2
    assert await client.get(vim.id) == vim

    assert await outcomes(client, entry(description="ours"), adopt=True) == ["APPLY_CONFLICT"]
    assert await outcomes(client, entry(), other, adopt=True) == [MODIFIED] * 2
    assert (await client.get(vim.id)).description == "theirs"
    assert set(await all_vims(client, "apply_set = lab")) == {"lab", "two"}
    assert await outcomes(client, other, apply_set="other") == ["NOT_IN_APPLY_SET"]


async def test_what_should_not_exist_is_removed_once(client: Client) -> None:
    await apply(client, entry(), entry("two"))
    etag = (await all_vims(client))["two"].etag

    assert await outcomes(client, entry("two", absent=True, etag="other")) == ["ETAG_MISMATCH"]
    gone = entry("two", absent=True, etag=etag)
    assert await outcomes(client, gone, entry("three", absent=True)) == [DEREGISTERED, UNCHANGED]
    assert set(await all_vims(client)) == {"lab"}
    assert await outcomes(client, gone) == [UNCHANGED]


async def test_of_two_people_who_apply_at_once_none_loses_a_change_unnoticed(client: Client) -> None:
    await apply(client, entry(), entry("two"))
    planned = await apply(client, entry(description="ann"), validate_only=True)
    assert await outcomes(client, entry(description="bob")) == [MODIFIED]

    # Ann has not seen what Bob has done since her plan.
    assert await outcomes(client, entry(description="ann", etag=planned[0].etag)) == ["ETAG_MISMATCH"]
    # They want the same: there is nothing to lose.
    assert await outcomes(client, entry(description="bob", etag=planned[0].etag)) == [UNCHANGED]
    assert await outcomes(client, entry(is_new=True, description="ann")) == ["ETAG_MISMATCH"]
    assert await outcomes(client, entry(is_new=True, description="bob")) == [UNCHANGED]
    assert await outcomes(client, entry("none", etag="gone")) == ["ETAG_MISMATCH"]

    # Different fields, at the same time: both last, whoever is first.
    new = [entry(f"vim-{number}") for number in range(100)]
    first, second = await asyncio.gather(outcomes(client, *new), outcomes(client, *new))
    assert {*zip(first, second, strict=True)} <= {(REGISTERED, UNCHANGED), (UNCHANGED, REGISTERED)}
    stored = (await all_vims(client)).values()
    third, *_ = await asyncio.gather(
        outcomes(client, entry(description="c"), entry("two", description="c")),
        *(
            modify(client, Vim(id=vim.id, labels={"a": "b"}), "labels.a")
            for vim in stored
            if vim.name in ("lab", "two")
        ),
    )
    assert third == [MODIFIED] * 2
    vims = await all_vims(client)
    assert [(vims[name].description, dict(vims[name].labels)) for name in ("lab", "two")] == [("c", {"a": "b"})] * 2
    assert len(vims) == 102


async def test_one_that_is_refused_concerns_no_other(client: Client) -> None:
    results = await apply(
        client,
        entry("good"),
        entry("bad", auth_url="ftp://x"),
        pb.VimToApply(vim=Vim(name="typeless")),
        entry("masked", auth_cred={"password": "***"}),
        entry("elsewhere", engine=Monitor.MISTRAL),
        pb.VimToApply(vim=Vim(type="openstack", auth_url=URL)),
        entry("path", "name"),
        entry("good"),
        entry("last"),
    )
    assert [kind_of(one) for one in results] == [
        *(REGISTERED, "BAD_INPUT", "BAD_INPUT", "BAD_INPUT", "ENGINE_NOT_SERVED"),
        *("BAD_INPUT", "BAD_INPUT", "BAD_INPUT", REGISTERED),
    ]
    assert set(await all_vims(client)) == {"good", "last"}


async def test_the_default_of_a_project_moves_from_one_vim_to_another(client: Client) -> None:
    await apply(client, entry("one", is_default=True), entry("two"))

    swapped = await outcomes(client, entry("two", is_default=True), entry("one"))
    moved = await outcomes(client, entry("two"), entry("three", is_default=True))
    clash = await outcomes(client, entry("two", is_default=True), entry("four", is_default=True))

    assert (swapped, moved) == ([MODIFIED] * 2, [MODIFIED, REGISTERED])
    assert clash == ["DEFAULT_TAKEN"] * 2
    assert [name for name, vim in (await all_vims(client)).items() if vim.is_default] == ["three"]


async def test_more_than_one_transaction_changes_are_all_made(client: Client) -> None:
    names = [f"vim-{number}" for number in range(2 * MAX_CHANGES + 1)]
    await apply(client, *(entry(name) for name in names))

    assert await outcomes(client, *(entry(name, description="d") for name in names)) == [MODIFIED] * len(names)
    assert {vim.description for vim in (await all_vims(client)).values()} == {"d"}
    assert await outcomes(client, *(entry(name, absent=True) for name in names)) == [DEREGISTERED] * len(names)
    assert await all_vims(client) == {}


async def test_the_engine_belongs_to_the_set_that_names_it(client: Client) -> None:
    await apply(client, entry(engine=Monitor.EXTERNAL))
    vim = (await all_vims(client))["lab"]

    assert (vim.monitor.engine, "engine" in vim.applied.fields) == (Monitor.EXTERNAL, True)
    assert await outcomes(client, entry(engine=Monitor.EXTERNAL)) == [UNCHANGED]
    assert await outcomes(client, entry()) == [MODIFIED]
    assert (await client.get(vim.id)).monitor.engine == Monitor.EXTERNAL


@pytest.mark.parametrize("apply_set", ["", "a b", "-a", "a" * 64])
async def test_the_name_of_a_set_is_a_word(client: Client, apply_set: str) -> None:
    with pytest.raises(Exception, match="apply_set"):
        await apply(client, entry(), apply_set=apply_set)


async def test_long_values_are_cut_and_very_many_changes_left_out(client: Client) -> None:
    names = [f"vim-{uuid.uuid4()}" for _ in range(2)]
    await apply(client, *(entry(name, description="x" * 4000) for name in names))

    [one, _] = await apply(client, *(entry(name, description="y") for name in names))

    assert [len(text) for text in changes_of(one)["description"]] == [200, 3]
