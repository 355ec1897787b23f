"""Rows that no Tacker wrote, or a damaged one: each is left out alone, and none is read whole when it is too large."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.callers.commands import Command
from tests.support.timing.cpu_limit import cpu_limit
from tests.tacker.importing import results, take
from tests.tacker.site import Site

_CPU_S = 10.0


def change(site: Site, place: str, value: object, vim_id: str) -> None:
    table, _, column = place.partition(".")
    key = "id" if table == "vims" else "vim_id"
    with site.engine.begin() as connection:
        connection.execute(
            text(f"UPDATE {table} SET {column} = :value WHERE {key} = :id"), {"value": value, "id": vim_id}
        )


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("vims.extra", json.dumps({"a": "x" * 5_000_000}), "its extra is longer than 65536 characters"),
        ("vims.description", "x" * 5_000_000, "its description is longer than 65536 characters"),
        ("vimauths.password", "x" * 5_000_000, "its password is longer than 65536 characters"),
        ("vims.extra", '{"a": ' + "[" * 30_000, "its extra is nested deeper than 32 levels"),
        ("vims.extra", '{"a": ' + "[" * 100 + "]" * 100 + "}", "its extra is nested deeper than 32 levels"),
        ("vims.extra", '{"a": ' + "9" * 5000 + "}", "its extra holds a number of more than 400 digits"),
        ("vims.extra", '{"a": NaN}', "its extra is not JSON: NaN is not allowed"),
        ("vims.extra", '{"a": 1e999}', "its extra holds a number that is not finite"),
        ("vims.extra", '{"a": "\\ud800"}', "vimesh refuses it"),
        ("vims.placement_attr", '{"a": [' + "0," * 30_000 + "0]}", "its placement_attr holds more than 20000 values"),
    ],
)
def test_a_row_that_is_too_much_is_left_out_alone(
    vimesh: Command, small_site: Site, place: str, value: str, said: str
) -> None:
    bad, good = small_site.openstack(name="bad"), small_site.openstack(name="good")
    change(small_site, place, value, bad)

    with cpu_limit(_CPU_S):
        done = take(vimesh, small_site)

    assert results(done)[good] == "import"
    assert results(done)[bad].startswith("cannot: ")
    assert said in results(done)[bad]


def test_ids_as_bytes_do_not_lead_round_for_ever(vimesh: Command, small_site: Site) -> None:
    vim_id = small_site.openstack()
    with small_site.engine.begin() as connection:
        connection.execute(text("UPDATE vims SET id = CAST(id AS BLOB)"))
        connection.execute(text("UPDATE vimauths SET vim_id = CAST(vim_id AS BLOB)"))

    with cpu_limit(_CPU_S):
        done = take(vimesh, small_site)

    assert done.code in {0, 1}
    assert vim_id in done.out or "have no order" in done.err


def test_a_device_is_no_key(vimesh: Command, small_site: Site) -> None:
    vim_id = small_site.openstack()
    key: Path = small_site.keys / vim_id
    key.unlink()
    key.symlink_to("/dev/zero")

    with cpu_limit(_CPU_S):
        done = take(vimesh, small_site)

    assert "is larger than 65536 bytes" in results(done)[vim_id]
