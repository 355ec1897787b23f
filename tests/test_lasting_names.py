"""Names that look private, and that other processes, files or versions rely on: code may move, these may not."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from vimesh.bridge.messages.caller_exceptions import CallFailed
from vimesh.domain.actions import WORKFLOW_PREFIX
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.queries import Order
from vimesh.domain.vims import Registration
from vimesh.engine.workflow import ACTION, LEGACY_ACTION
from vimesh.store.dialects.mysql.mysql_dialect import MysqlDialect
from vimesh.store.dialects.postgresql.commit_listener import COMMITS
from vimesh.store.dialects.postgresql.postgresql_dialect import PostgresqlDialect
from vimesh.store.rows import vim_rows
from vimesh.store.sql.page_tokens import position_of
from vimesh.store.vims import request_ids
from vimesh.store.vims.request_ids import fingerprint

_ROOT = Path(__file__).parents[1]
LIST_TOKEN = "WyJlZDljN2IyNzY5NjFkNTk2IiwiYiIsN10"
EVENTS_TOKEN = "WyJmNTBiYjU0ZDAzMWZiNzZjIiw5XQ"


def test_executors_find_the_action_by_its_path() -> None:
    # Executors and actions that are queued carry it.
    actions = {entry.name: entry.value for entry in entry_points(group="mistral.actions")}

    assert actions[ACTION] == actions[LEGACY_ACTION] == "vimesh.monitor.mistral_action:VimPingAction"
    assert (ACTION, LEGACY_ACTION) == ("vimesh.vim_ping_action", "tacker.vim_ping_action")
    assert WORKFLOW_PREFIX == "vim_id_"


def test_callers_of_the_bridge_allow_exceptions_by_their_module() -> None:
    assert CallFailed.remote_module == "vimesh.bridge.failures"


def test_a_page_token_of_another_version_is_taken() -> None:
    # A client may fetch its next page from a conductor of the next version.
    query = (parse_filter('name = "a*"').token_key, Order("name", descending=True))

    assert position_of(LIST_TOKEN, query, (str, int)) == ("b", 7)
    assert position_of(EVENTS_TOKEN, ("events", "x"), (int,)) == (9,)


def test_a_registration_is_repeated_with_another_version() -> None:
    # What is kept for a day is compared with what a later version makes of the same request.
    registration = Registration(name="a", type="openstack", auth_url="http://a/", project_id="p")

    assert fingerprint(registration) == "395fa3a9de9bc42162ae7d206c55b64946dead388a47a85f4c3b33d543a256e9"


def test_a_field_of_a_later_version_counts_only_in_requests_that_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    without = Registration(name="a", type="openstack", auth_url="http://a/", project_id="p")
    first_fields = tuple(name for name in request_ids._FIRST_FIELDS if name != "extra")
    monkeypatch.setattr(request_ids, "_FIRST_FIELDS", first_fields)
    monkeypatch.setattr(request_ids, "_LATER_FIELDS", ())
    earlier = fingerprint(without)
    monkeypatch.setattr(request_ids, "_LATER_FIELDS", ("extra",))

    assert fingerprint(without) == earlier
    assert fingerprint(replace(without, extra={"rack": "7"})) != earlier


def test_an_event_keeps_what_earlier_versions_read() -> None:
    row: dict[str, Any] = dict.fromkeys(vim_rows._KEPT)
    row |= {"auth_url": "", "vim_project": {}, "placement_attr": {}, "extra": {}}

    assert sorted(vim_rows.document_of(row)) == sorted(
        (
            *("id", "project_id", "name", "description", "type", "auth_url", "vim_project", "auth_cred", "default_of"),
            *("placement_attr", "extra", "policy", "shard_key", "etag", "create_time", "update_time", "engine"),
            *("action_id", "status", "reason", "detail", "round_trip_s", "status_time", "observation", "unheard"),
            *("monitor_error", "revision", "holds", "contact_time", "lease_until", "lapsed", "waiting", "labels"),
            *("apply_set", "applied_fields"),
        )
    )


def test_conductors_of_all_versions_meet_on_one_channel_and_one_lock() -> None:
    assert COMMITS == "vimesh_commits"
    assert "hashtext('vimesh.schema')" in PostgresqlDialect.lock_for_upgrade
    assert "CONCAT('vimesh.', MD5(DATABASE()))" in MysqlDialect.lock_for_upgrade


@pytest.mark.parametrize("version", range(1, 29))
def test_each_version_of_the_tables_has_its_number(version: int) -> None:
    [file] = _ROOT.glob(f"services/vimesh/**/versions/v{version:04}_*.py")

    assert re.search(r'^revision = "(\d+)"$', file.read_text(), re.MULTILINE)[1] == f"{version:04}"  # type: ignore[index]  # it is there
