"""What an import says when it cannot begin, or cannot read a row."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.callers.commands import Command
from tests.support.clouds.targets import free_port
from tests.support.sql.mariadb import MariaDb
from tests.tacker.importing import results, take
from tests.tacker.site import Site


def test_it_says_what_is_missing_on_the_command_line(vimesh: Command, small_site: Site) -> None:
    no_url = vimesh("import", "tacker", "--fernet-keys", str(small_site.keys))
    no_keys = vimesh("import", "tacker", "--database-url", small_site.url)
    no_folder = vimesh("import", "tacker", "--database-url", small_site.url, "--fernet-keys", "nowhere")

    neither = vimesh("import", "tacker")

    assert [each.code for each in (no_url, no_keys, no_folder, neither)] == [1, 1, 1, 1]
    for required in ("--database-url: is required", "--fernet-keys: is required"):
        assert required in neither.err
    assert "--database-url: is required, such as mysql+pymysql://tacker@127.0.0.1/tacker" in no_url.err
    assert "--fernet-keys: is required: the folder given by [vim_keys] openstack" in no_keys.err
    assert "there is no folder nowhere" in no_folder.err


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("tacker", "is not a database URL"),
        ("oracle://u:database-secret@host/tacker", "names oracle"),
        ("mysql://u:database-secret@host", "names no database"),
        ("mysql://u:database-secret@host:port/tacker", "is not a database URL"),
        (
            "mysql://u:database-secret@127.0.0.1:1/tacker?bogus=1&charset=utf8",
            "cannot be used (TypeError): bogus, charset",
        ),
        ("mysql://u:database-secret@127.0.0.1:1/tacker?ssl_ca=nowhere", "cannot be used (FileNotFoundError)"),
        ("sqlite:///nowhere.sqlite", "there is no file nowhere.sqlite"),
    ],
)
def test_a_url_that_cannot_be_used_is_explained_and_not_repeated(
    vimesh: Command, small_site: Site, url: str, says: str
) -> None:
    done = take(vimesh, small_site, "--database-url", url)

    assert done.code == 1
    assert says in done.err
    assert "database-secret" not in done.err
    assert not (vimesh.folder / "nowhere.sqlite").exists()


def test_a_server_that_is_away_refuses_or_is_no_tackers_is_told_apart(
    vimesh: Command, site: Site, mariadb: MariaDb
) -> None:
    port = free_port()
    name = str(site.engine.url.database)
    # With the plugin of DevStack, as its tacker.conf has it.
    url = f"mysql+pymysql://root:database-secret@127.0.0.1:{port}/tacker?charset=utf8&plugin=dbcounter"
    away = take(vimesh, site, "--database-url", url)
    wrong = take(vimesh, site, "--database-url", mariadb.url(name, "root", "database-secret"))
    absent = take(vimesh, site, "--database-url", mariadb.url("nowhere"))
    other = take(vimesh, site, "--database-url", mariadb.url("mysql"))

    assert [each.code for each in (away, wrong, absent, other)] == [5, 1, 1, 1]
    assert f"database tacker at 127.0.0.1:{port} does not answer" in away.err
    assert f"database {name} at 127.0.0.1:{mariadb.port} refuses: Access denied" in wrong.err
    assert "Unknown database 'nowhere'" in absent.err
    assert "there is no table vims" in other.err
    assert not [each for each in (away, wrong, absent, other) if "database-secret" in each.err + each.out]


def test_a_table_of_another_release_names_the_column(vimesh: Command, small_site: Site) -> None:
    with small_site.engine.begin() as connection:
        connection.execute(text("ALTER TABLE vimauths DROP COLUMN vim_project"))

    done = take(vimesh, small_site)

    assert done.code == 1
    assert "table vimauths has no column vim_project" in done.err


def test_an_older_release_without_soft_deletion_and_extra_is_read(vimesh: Command, tmp_path: Path) -> None:
    old = Site(f"sqlite:///{tmp_path / 'old.sqlite'}", tmp_path / "keys")
    vim_id = old.openstack()
    with old.engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept AS SELECT * FROM vims"))
        connection.execute(text("DROP TABLE vims"))
        connection.execute(text("ALTER TABLE kept RENAME TO vims"))
        for column in ("deleted_at", "extra"):
            connection.execute(text(f"ALTER TABLE vims DROP COLUMN {column}"))

    assert results(take(vimesh, old)) == {vim_id: "import"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE vimauths SET auth_cred = '{\"password\": row-secret'", "its auth_cred is not JSON"),
        ("UPDATE vimauths SET auth_cred = '[\"row-secret\"]'", "its auth_cred is not a JSON object"),
        ("UPDATE vimauths SET auth_cred = replace(auth_cred, 'fernet_key', 'vault_key')", "an unknown type of key"),
        ('UPDATE vims SET extra = \'{"a": "\\ud800"}\'', "text or numbers that cannot be sent"),
        (
            "UPDATE vims SET extra = '{\"a\": 1' || printf('%.*c', 400, '0') || '}'",
            "holds a number of more than 400 digits",
        ),
        ("DELETE FROM vimauths", "no row in the table vimauths"),
        ("UPDATE vimauths SET auth_url = 'http://u:row-secret/x@h:1/'", "vimesh refuses its auth_url: cannot be read"),
        ("UPDATE vims SET description = hex(zeroblob(3000))", "vimesh refuses it: vim.description: "),
    ],
)
def test_a_row_that_makes_no_sense_is_left_out_and_shows_no_secret(
    vimesh: Command, small_site: Site, change: str, says: str
) -> None:
    fine, odd = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
    small_site.openstack(id=odd)
    with small_site.engine.begin() as connection:
        connection.execute(text(change))
    if "vault_key" in change:
        (small_site.keys / odd).unlink()
    small_site.openstack(id=fine)

    done = take(vimesh, small_site)

    assert done.code == 4
    assert results(done)[fine] == "import"
    assert says in results(done)[odd]
    assert "row-secret" not in done.out + done.err


def test_an_id_that_leads_to_another_folder_is_no_id(vimesh: Command, small_site: Site) -> None:
    small_site.openstack(id="../escaped")

    assert results(take(vimesh, small_site)) == {"../escaped": "cannot: its id is not a UUID"}


def test_without_a_front_it_ends_with_5_and_changes_nothing(small_site: Site, tmp_path: Path) -> None:
    small_site.openstack()
    nobody = Command(tmp_path, {"VIMESH_ADDRESS": f"127.0.0.1:{free_port()}"})

    done = take(nobody, small_site)

    assert done.code == 5
    assert "is the fleet running?" in done.err
    assert "1 VIM: 1 not done. Nothing was changed\n" in done.err


def test_a_table_has_a_row_for_each_vim_and_what_needs_a_look_stands_last(vimesh: Command, small_site: Site) -> None:
    bad, good = small_site.openstack(name="a"), small_site.openstack(name="b")
    (small_site.keys / bad).unlink()

    lines = take(vimesh, small_site, "-o", "table").out.splitlines()

    assert lines[0].split() == ["NAME", "ID", "PROJECT", "TYPE", "AUTH_URL", "RESULT"]
    assert lines[1].split() == ["b", good, "nfv", "openstack", "http://192.0.2.1:5000/v3", "import"]
    assert lines[2].startswith(f"a     {bad}")
    assert "cannot: its key file" in lines[2]
