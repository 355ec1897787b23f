"""Keys of credentials that a real OpenBao keeps: the key file only names them."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from tests.support.identities.openbaos import OpenBao, running_openbao
from tests.support.sql.stores import registration, sqlite_url
from vimesh.domain.errors import BadSetting
from vimesh.store.rows.credential_encryption import FileCipher
from vimesh.store.rows.key_files import make_key, make_key_file, read_keys, read_lines
from vimesh.store.sql_store import sql_store
from vimesh.store.upgrade.manage_tables import upgrade

SECRET = {"username": "u", "password": "hunter2"}


@pytest.fixture(scope="module")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Generator[OpenBao]:
    with running_openbao(tmp_path_factory.mktemp("openbao")) as started:
        yield started


@pytest.fixture(scope="module")
def config(openbao: OpenBao, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return openbao.castellan_config(tmp_path_factory.mktemp("castellan"))


def test_the_file_names_a_key_that_the_key_manager_keeps(openbao: OpenBao, config: Path, tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert make_key_file(path, castellan=config)
    [line], [key] = read_lines(path), read_keys(path)
    key_id = line.partition("#")[2]

    assert line == f"castellan:{config}#{key_id}"
    assert key not in path.read_text()
    kept = openbao.ask("GET", f"secret/data/vimesh/{key_id}")["data"]["data"]
    assert (kept["algorithm"], kept["bit_length"], len(bytes.fromhex(kept["value"]))) == ("AES", 256, 32)
    assert FileCipher(path).decrypt(FileCipher(path).encrypt(SECRET)) == SECRET
    assert not make_key_file(path, castellan=config)


def test_a_configuration_is_looked_for_beside_the_file_that_names_it(config: Path, tmp_path: Path) -> None:
    make_key_file(tmp_path / "key", castellan=config)
    [line], keys = read_lines(tmp_path / "key"), read_keys(tmp_path / "key")
    (tmp_path / "copy.conf").write_bytes(config.read_bytes())
    (tmp_path / "key").write_text(line.replace(str(config), "copy.conf"))

    assert read_keys(tmp_path / "key") == keys


def test_a_key_of_the_file_gives_way_to_one_of_the_key_manager_and_that_to_another(
    config: Path, tmp_path: Path
) -> None:
    path, url = tmp_path / "key", sqlite_url(tmp_path / "vimesh.sqlite")
    vimesh = Command(tmp_path, {"VIMESH_DATABASE_URL": url, "VIMESH_KEY_FILE": str(path)})
    old = make_key()
    path.write_text(f"{old}\n")
    vim_id = asyncio.run(_register(url, path))

    assert vimesh("db", "make-key", "named", "--castellan", str(config)).code == 0
    [named] = read_lines(tmp_path / "named")
    path.write_text(f"{named}\n{old}\n")
    moved = vimesh("db", "rotate-key", "--remove-old")
    assert (moved.code, read_lines(path)) == (0, [named]), moved.err
    changed = vimesh("db", "rotate-key", "--new-key", "--remove-old")

    assert changed.code == 0, changed.err
    [line] = read_lines(path)
    assert line.startswith(f"castellan:{config}#")
    assert line != named
    assert asyncio.run(_credentials(url, path, vim_id)) == SECRET


def test_a_key_that_cannot_be_had_prevents_the_start_and_is_named(config: Path, tmp_path: Path) -> None:
    make_key_file(tmp_path / "key", castellan=config)
    content = (tmp_path / "key").read_text()
    secret = config.read_text().partition("approle_secret_id = ")[2].strip()
    other = tmp_path / "other.conf"
    other.write_text(config.read_text().replace(secret, "0" * len(secret)))
    away = tmp_path / "away.conf"
    away.write_text(
        "[key_manager]\nbackend = vault\n[vault]\nvault_url = http://127.0.0.1:1\nroot_token_id = hunter2\n"
    )
    for line in (
        f"castellan:{config}#missing",
        f"castellan:{other}#missing",
        f"castellan:{away}#missing",
        f"castellan:{tmp_path}/none.conf#missing",
        f"castellan:{config}#../sys",
        f"castellan:{config}",
    ):
        (tmp_path / "key").write_text(f"{line}\n")
        with pytest.raises(BadSetting, match=r"castellan|conf") as refused:
            FileCipher(tmp_path / "key")
        assert secret not in str(refused.value)
        assert "hunter2" not in str(refused.value)
    (tmp_path / "key").write_text(content)
    FileCipher(tmp_path / "key")


def test_a_key_that_is_too_short_is_refused(openbao: OpenBao, config: Path, tmp_path: Path) -> None:
    record = {"type": "symmetric", "value": "00" * 16, "algorithm": "AES", "bit_length": 128, "name": "", "created": 0}
    openbao.ask("POST", "secret/data/vimesh/short", {"data": record})
    (tmp_path / "key").write_text(f"castellan:{config}#short\n")

    with pytest.raises(BadSetting, match="is not a key of 32 bytes"):
        FileCipher(tmp_path / "key")


def test_a_conductor_that_runs_keeps_its_keys_while_the_key_manager_is_away(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "key"
    make_key_file(path, castellan=config)
    cipher = FileCipher(path)
    token = cipher.encrypt(SECRET)

    path.write_text(f"castellan:{config}#missing\n")

    assert cipher.decrypt(cipher.encrypt(SECRET)) == SECRET
    assert cipher.decrypt(token) == SECRET


async def _register(url: str, key_file: Path) -> str:
    await upgrade(url)
    async with sql_store(url, FileCipher(key_file)) as store:
        return (await store.register(registration(auth_cred=SECRET))).id


async def _credentials(url: str, key_file: Path, vim_id: str) -> object:
    cipher = FileCipher(key_file)
    async with sql_store(url, cipher) as store:
        [token] = await store._database.read(
            lambda connection: connection.exec_driver_sql("SELECT secrets FROM vims").scalars().all()
        )
        assert (await store.get(vim_id)).id == vim_id
    return cipher.decrypt(token)
