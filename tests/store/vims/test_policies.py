"""Policies as rows and changes keep them: versions that know different fields share a database."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.support.sql.stores import registration, sqlite_url, store_at
from vimesh.domain.probing import PolicyChange, ProbePolicy
from vimesh.domain.vims import Modification
from vimesh.store.vims.request_ids import fingerprint

FIRST_FIELDS = {"method", "interval_s", "timeout_s", "fall", "rise", "tls_verify"}
"""Those that every version knows."""
EARLIER = "d65404edd49e1cf190913e997e7d286063c1bd7fd80371546b5158648d3714bc"
"""The digest that a version without fail_for made of a VIM named lab."""
PATIENT = ProbePolicy(fail_for_s=6.5)


def policies(file: Path) -> tuple[dict[str, object], dict[str, object]]:
    """Return the policy of the only VIM's row, and of its newest change."""
    with sqlite3.connect(file) as connection:
        ((row,),) = connection.execute("SELECT policy FROM vims").fetchall()
        ((document,),) = connection.execute("SELECT document FROM events ORDER BY revision DESC LIMIT 1").fetchall()
    connection.close()
    return json.loads(row), json.loads(document)["policy"]


async def test_what_an_earlier_version_can_do_is_stored_as_it_stores_it(tmp_path: Path) -> None:
    file = tmp_path / "vimesh.sqlite"
    async with store_at(sqlite_url(file)) as store:
        vim = await store.register(registration())
        assert all(policy.keys() == FIRST_FIELDS for policy in policies(file))

        patient = await store.modify(vim.id, Modification(policy=PATIENT))
        assert patient.policy == PATIENT
        assert all(policy.keys() == {*FIRST_FIELDS, "fail_for_s"} for policy in policies(file))

        again = await store.modify(vim.id, Modification(policy=PolicyChange(fail_for_s=0)))
        assert again.policy == vim.policy
        assert all(policy.keys() == FIRST_FIELDS for policy in policies(file))


async def test_the_policy_of_an_earlier_version_sent_back_changes_nothing(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        vim = await store.register(registration())

        assert await store.modify(vim.id, Modification(policy=ProbePolicy(fail_for_s=0.0))) == vim


def test_a_request_that_an_earlier_version_answered_is_known_again() -> None:
    assert fingerprint(registration(name="lab")) == EARLIER
    assert fingerprint(registration(name="lab", policy=PATIENT)) != EARLIER
