"""What an import needs to be allowed, and what it never prints or writes."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.support.callers.commands import Command
from tests.support.sql.mariadb import MariaDb
from tests.tacker.importing import results, take
from tests.tacker.site import Site


def test_no_secret_is_printed_by_anything(vimesh: Command, site: Site, mariadb: MariaDb, project: str) -> None:
    fine = site.openstack(tenant_id=project)
    site.openstack(tenant_id=project, auth_url="http://admin:url-secret@192.0.2.1:5000/v3")
    site.openstack(tenant_id=project, auth_url="http://admin:url-secret/x@192.0.2.1:5000/v3")
    bad = site.openstack(tenant_id=project)
    (site.keys / bad).write_text(key := "k" * 43 + "=")
    with_password = _granted(site, mariadb, "SELECT")

    texts = [
        done.out + done.err
        for output in ("table", "json", "yaml")
        for flags in ((), ("--apply",), ("--database-url", with_password), ("--database-url", f"{with_password}x"))
        for done in [take(vimesh, site, *flags, "-o", output)]
    ]

    assert any(fine in each for each in texts)
    for secret in ("devstack-secret", "url-secret", "admin:", "database-secret", key, "gAAAA"):
        assert not [each for each in texts if secret in each], secret


def test_an_import_needs_no_more_than_the_right_to_read(
    vimesh: Command, site: Site, mariadb: MariaDb, project: str
) -> None:
    vim_id = site.openstack(tenant_id=project)

    allowed = take(vimesh, site, "--database-url", _granted(site, mariadb, "SELECT"))
    denied = take(vimesh, site, "--database-url", _granted(site, mariadb, "INSERT"))

    assert results(allowed) == {vim_id: "import"}
    assert denied.code == 1
    assert "the user needs SELECT on the tables vims and vimauths" in denied.err


def test_a_session_cannot_write(site: Site) -> None:
    from vimesh.tacker import access, tacker_database  # noqa: PLC0415 - its inside, for this test alone

    connection, _ = tacker_database._opened(access.engine_for(site.url), "here")
    with connection, pytest.raises(DBAPIError, match="READ ONLY"):
        connection.execute(text("DELETE FROM vims"))


def _granted(site: Site, mariadb: MariaDb, right: str) -> str:
    """Make a user that may only do one thing to the two tables. Returns its URL, with a password."""
    user, database = f"u{uuid.uuid4().hex[:12]}", str(site.engine.url.database)
    with site.engine.begin() as connection:
        connection.execute(text(f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'database-secret'"))
        for table in ("vims", "vimauths"):
            connection.execute(text(f"GRANT {right} ON {database}.{table} TO {user}@'127.0.0.1'"))
    return mariadb.url(database, user, "database-secret")
