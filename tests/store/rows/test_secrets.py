"""Credentials are encrypted, and gone when their VIM is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.sql.stores import registration, sqlite_url, store_at
from vimesh.domain.errors import BadSetting, StoreUnavailable
from vimesh.domain.vims import Modification
from vimesh.store.rows.credential_encryption import Cipher, FileCipher, Undecipherable
from vimesh.store.rows.key_files import make_key, make_key_file, read_keys, replace_keys
from vimesh.store.sql_store import sql_store
from vimesh.store.upgrade.manage_tables import upgrade


def content_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_a_key_file_is_its_owners_alone_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "key"

    assert make_key_file(path)
    content = path.read_text()
    assert not make_key_file(path)

    assert path.read_text() == content
    assert path.stat().st_mode & 0o777 == 0o600
    assert [left.name for left in tmp_path.iterdir()] == ["key"]
    assert FileCipher(path).decrypt(FileCipher(path).encrypt({"a": 1})) == {"a": 1}


def test_a_key_file_made_by_many_at_once_is_made_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: make_key_file(tmp_path / "key"), range(16)))

    assert sum(made) == 1


def test_a_new_key_goes_in_front_and_the_old_one_still_opens(tmp_path: Path) -> None:
    old, new = make_key(), make_key()
    token = Cipher([old]).encrypt("secret")
    (tmp_path / "key").write_text(f"# rotated\n{new}\n\n{old}\n")

    both = FileCipher(tmp_path / "key")

    assert both.decrypt(token) == "secret"
    assert Cipher([new]).decrypt(both.encrypt("secret")) == "secret"
    with pytest.raises(Undecipherable):
        Cipher([new]).decrypt(token)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"short\n", b"\xff\xfe", "schlüssel".encode()])
def test_a_file_without_a_key_is_a_bad_setting(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)

    with pytest.raises(BadSetting, match="key_file"):
        FileCipher(tmp_path / "key")


def test_a_key_file_that_is_not_there_is_a_bad_setting(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"key_file.*No such file"):
        FileCipher(tmp_path / "key")
    with pytest.raises(BadSetting, match=r"key_file.*No such file"):
        make_key_file(tmp_path / "nowhere" / "key")


async def test_credentials_are_nowhere_in_the_clear_and_destroyed_with_their_vim(tmp_path: Path) -> None:
    file = tmp_path / "vimesh.sqlite"
    await upgrade(sqlite_url(file))
    marks: list[bytes] = []

    class Marking(Cipher):
        def encrypt(self, value: object) -> bytes:
            marks.append(super().encrypt(value))
            return marks[-1]

    async with sql_store(sqlite_url(file), Marking([make_key()])) as store:
        secret = {"username": "admin", "password": "hunter2-hunter2"}
        vim = await store.register(registration(auth_cred=secret, request_id="r1"))
        await store.modify(vim.id, Modification(auth_cred={**secret, "password": "hunter2-again"}))
        held = content_of(tmp_path)
        assert b"hunter2" not in held
        assert marks[-1] in held
        await store.deregister(vim.id)

    left = content_of(tmp_path)
    assert b"hunter2" not in left
    request_fingerprint = marks[1]
    # Conductors erase it, and the write-ahead log, within seconds: see test_erasure.
    assert [mark for mark in marks if mark in left] == [request_fingerprint]


async def test_credentials_of_a_lost_key_can_be_given_anew(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "vimesh.sqlite")
    async with store_at(url) as store:
        vim = await store.register(registration(auth_cred={"password": "a"}))
    async with sql_store(url, Cipher([make_key()])) as store:
        with pytest.raises(StoreUnavailable):
            await store.modify(vim.id, Modification(auth_cred={"password": "***", "username": "u"}))
        await store.modify(vim.id, Modification(auth_cred={"password": "b"}))

        after = await store.modify(vim.id, Modification(auth_cred={"password": "***", "username": "u"}))

    assert after.auth_cred == {"password": "***", "username": "u"}


def test_the_keys_of_a_changed_file_are_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "key"
    make_key_file(path)
    cipher = FileCipher(path)
    [old], new = read_keys(path), make_key()
    token = cipher.encrypt("secret")

    replace_keys(path, [new, old])

    assert cipher.decrypt(token) == "secret"
    assert Cipher([new]).uses_first_key(cipher.encrypt("secret"))
    replace_keys(path, [new])
    assert Cipher([new]).uses_first_key(cipher.encrypt("secret"))
    with pytest.raises(Undecipherable):
        cipher.decrypt(token)


def test_another_process_may_have_a_newer_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    make_key_file(path)
    cipher, new = FileCipher(path), make_key()

    path.write_text(f"{new}\n{path.read_text()}")

    assert cipher.decrypt(Cipher([new]).encrypt("secret")) == "secret"


@pytest.mark.parametrize("content", [None, b"", b"short\n", b"\xff"])
def test_a_changed_file_that_cannot_be_used_leaves_the_keys_as_they_were(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "key"
    make_key_file(path)
    cipher, before = FileCipher(path), path.read_bytes()
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)

    token = cipher.encrypt("secret")

    assert Cipher([before.decode().strip()]).decrypt(token) == "secret"
    path.write_text(f"{make_key()}\n{before.decode()}")
    assert not Cipher([before.decode().strip()]).uses_first_key(cipher.encrypt("secret"))


def test_replaced_keys_have_the_owner_and_mode_of_the_file_before(tmp_path: Path) -> None:
    path, link, key = tmp_path / "key", tmp_path / "link", make_key()
    make_key_file(path)
    path.chmod(0o640)
    link.symlink_to(path)

    replace_keys(link, [key])

    assert link.is_symlink()
    assert (read_keys(path), path.stat().st_mode & 0o777) == ([key], 0o640)
    assert {left.name for left in tmp_path.iterdir()} == {"key", "link"}
