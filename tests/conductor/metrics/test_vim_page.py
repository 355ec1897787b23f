"""The page with a line for each VIM: what is known and nothing else, in whatever letters the names are."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from tests.support.scraping.scrapes import Scrape, scrape, socket_in
from tests.support.sql.stores import elapse, record, registration, report, sqlite_url, store_at
from vimesh.certificates.spiffe_ids import Role, SpiffeId
from vimesh.conductor.metrics import vim_page as page_module
from vimesh.conductor.metrics.vim_page import may_read_vims, vim_page
from vimesh.domain.conditions.conditions import Certificate, Condition, ConditionStatus
from vimesh.domain.probing import Depth, ProbePolicy
from vimesh.domain.vim_conditions.condition_reports import ConditionReport
from vimesh.domain.vims import Modification, Registered, Registration, Status
from vimesh.metrics.catalogue.metric_entry import Component
from vimesh.metrics.exposition import MetricsSettings, exposition_of
from vimesh.store.sql_store import SqlStore


async def page_of(store: SqlStore, folder: Path, *targets: str) -> list[Scrape]:
    async with exposition_of(Component.CONDUCTOR, MetricsSettings(socket_in(folder))) as exposition:
        exposition.add_page("/metrics/vims", vim_page(store, asyncio.get_running_loop()))
        return [await scrape(socket_in(folder), f"/metrics/vims{target}") for target in targets]


def ids(answer: Scrape, name: str = "vimesh_vim_status") -> list[str]:
    return [dict(labels)["vim_id"] for labels in answer.by_labels(name)]


async def test_what_is_not_known_has_no_value(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        vims = {name: await store.register(registration(name=name)) for name in ("pending", "silent", "up", "down")}
        await record(store, [report(vims["silent"], round_trip_s=0.5)], 1)
        await elapse(store, 60)
        await record(store, [report(vims["up"], round_trip_s=0.25), report(vims["down"], Status.UNREACHABLE)])
        up = await store.get(vims["up"].id)
        [answer] = await page_of(store, tmp_path, "")

    named = {
        metric: {dict(labels)["name"]: value for labels, value in answer.by_labels(metric).items()}
        for metric in ("probe_success", "probe_duration_seconds", "vimesh_vim_valid_until_seconds")
    }
    statuses = {dict(labels)["name"]: dict(labels)["status"] for labels in answer.by_labels("vimesh_vim_status")}
    assert named["probe_success"] == {"up": 1, "down": 0}
    assert named["probe_duration_seconds"] == {"up": 0.25}
    assert statuses == {"pending": "PENDING", "silent": "UNKNOWN", "up": "REACHABLE", "down": "UNREACHABLE"}
    assert named["vimesh_vim_valid_until_seconds"].keys() == {"silent", "up", "down"}
    assert up.valid_until is not None
    assert named["vimesh_vim_valid_until_seconds"]["up"] == pytest.approx(up.valid_until.timestamp())
    [labels] = (dict(labels) for labels in answer.by_labels("probe_success") if ("name", "up") in labels)
    assert labels == {"vim_id": up.id, "name": "up", "project": "default", "type": "openstack"}


async def test_conditions_that_are_known_have_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "_PAGE", 2)
    states = dict(zip(("ServiceReady", "LoggedIn", "CertificateValid", "Endpoint/image"), "TFTU", strict=True))
    words = {"T": ConditionStatus.TRUE, "F": ConditionStatus.FALSE, "U": ConditionStatus.UNKNOWN}
    conditions = tuple(Condition(type_, words[state], "", "") for type_, state in states.items())
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        now = (await store.clock()).replace(microsecond=0)
        ends = {"up": now + dt.timedelta(days=3), "down": now + dt.timedelta(days=3), "old": now - dt.timedelta(days=1)}
        for name, end in ends.items():
            vim = await store.register(registration(name=name, policy=ProbePolicy(depth=Depth.LOGIN)))
            await record(store, [report(vim, Status.UNREACHABLE if name == "down" else Status.REACHABLE)])
            certificate = Certificate("", "", (), now, end, "", (), None, "")
            seen = ConditionReport(vim.id, vim.monitor.action_id, conditions, certificate)
            await store.conditions.record([seen])
        await store.register(registration(name="plain"))
        whole, *shards = await page_of(store, tmp_path, "", "?shard=0/2", "?shard=1/2")

    def told(answer: Scrape) -> dict[tuple[str, str], float]:
        lines = answer.by_labels("vimesh_vim_condition").items()
        return {(dict(labels)["name"], dict(labels)["condition"]): value for labels, value in lines}

    assert told(whole) == {
        ("up", "ServiceReady"): 1,
        ("up", "LoggedIn"): 0,
        ("up", "CertificateValid"): 1,
        ("down", "CertificateValid"): 1,
        ("old", "ServiceReady"): 1,
        ("old", "LoggedIn"): 0,
        ("old", "CertificateValid"): 0,
    }
    assert {**told(shards[0]), **told(shards[1])} == told(whole)
    expiries = whole.by_labels("probe_ssl_earliest_cert_expiry").items()
    assert {dict(labels)["name"]: value for labels, value in expiries} == {
        name: end.timestamp() for name, end in ends.items()
    }


async def test_names_are_escaped(tmp_path: Path) -> None:
    odd = ('quo"te', "back\\slash", "back\\nslash", "line\nfeed", "Köln ☁", 'all\\"\n')
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        for name in odd:
            await store.register(registration(name=name, project_id=f"p {name}"))
        [answer] = await page_of(store, tmp_path, "")

    labels = [dict(labels) for labels in answer.by_labels("vimesh_vim_status")]
    assert {(each["name"], each["project"]) for each in labels} == {(name, f"p {name}") for name in odd}


async def test_shards_are_all_vims_once_over_many_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "_PAGE", 7)
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        registrations: list[Registration] = [registration() for _ in range(50)]
        await store.register_many(registrations)
        whole, *shards = await page_of(store, tmp_path, "", *(f"?shard={index}/3" for index in range(3)))

    assert len(ids(whole)) == 50
    assert sorted(vim_id for shard in shards for vim_id in ids(shard)) == sorted(ids(whole))
    assert all(10 < len(ids(shard)) < 25 for shard in shards)


async def test_the_first_page_reads_all_labels_at_once_and_later_ones_those_that_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "_PAGE", 10)
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        browses = store.statistics.queues["browse"].durations_s.counts

        async def reads_of(shard: str = "0/1") -> int:
            before = sum(browses)
            assert (await scrape(socket_in(tmp_path), f"/metrics/vims?shard={shard}")).status == 200
            # Two are short looks for conditions and certificates, of which there are none.
            return sum(browses) - before - 2

        first, *_ = await store.register_many([registration() for _ in range(45)])
        async with exposition_of(Component.CONDUCTOR, MetricsSettings(socket_in(tmp_path))) as exposition:
            exposition.add_page("/metrics/vims", vim_page(store, asyncio.get_running_loop()))
            assert await reads_of() == 5 + 1
            assert await reads_of() == 5
            assert isinstance(first, Registered)
            await store.modify(first.vim_id, Modification(name="new"))
            assert await reads_of() == 5 + 1
            # A small part of all VIMs looks up its own.
            assert await reads_of("0/9") == 1 + 1


async def test_a_vim_that_changes_has_its_new_labels_on_the_next_page(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        stays, changes, goes = [await store.register(registration(name=name)) for name in ("stays", "old", "goes")]
        async with exposition_of(Component.CONDUCTOR, MetricsSettings(socket_in(tmp_path))) as exposition:
            exposition.add_page("/metrics/vims", vim_page(store, asyncio.get_running_loop()))
            before = await scrape(socket_in(tmp_path), "/metrics/vims")
            await store.modify(changes.id, Modification(name="new"))
            await store.deregister(goes.id)
            after = await scrape(socket_in(tmp_path), "/metrics/vims")

    def names(answer: Scrape) -> dict[str, str]:
        return {dict(labels)["vim_id"]: dict(labels)["name"] for labels in answer.by_labels("vimesh_vim_status")}

    assert names(before) == {stays.id: "stays", changes.id: "old", goes.id: "goes"}
    assert names(after) == {stays.id: "stays", changes.id: "new"}


async def test_an_empty_fleet_has_an_empty_page(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        [answer] = await page_of(store, tmp_path, "")

    assert (answer.status, answer.values) == (200, {})


@pytest.mark.parametrize(
    "query", ["?shard=3/3", "?shard=x", "?shard=-1/2", "?shard=0/0", "?shard=1/9999", "?shards=0/1"]
)
async def test_what_is_no_shard_is_refused(tmp_path: Path, query: str) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        [answer] = await page_of(store, tmp_path, query)

    assert (answer.status, "shard" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("role", "name", "may"),
    [
        (Role.CLI, "reader", True),
        (Role.CLI, "reader.prometheus", True),
        (Role.CLI, "admin.fleet", True),
        (Role.CLI, "someone", False),
        (Role.MONITOR, "reader", False),
        (Role.API, "a1", False),
    ],
)
def test_vims_are_for_people_who_may_list_all_of_them(role: Role, name: str, *, may: bool) -> None:
    assert may_read_vims(SpiffeId("vimesh", role, name)) is may
