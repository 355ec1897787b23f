"""The credential key, on the command line: where it may be, and how it is changed."""

from __future__ import annotations

import asyncio
import itertools
import threading
import uuid
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from tests.support.callers.commands import Command
from tests.support.deployments.conductor_process import Conductor, conductor_in
from tests.support.sql.stores import registration, sqlite_url
from vimesh.cli.base.exits import Failure
from vimesh.cli.base.key_file import key_file_of
from vimesh.cli.local_fleet.fleet_key import prepare_key_file
from vimesh.domain.errors import BadSetting
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.rows.key_files import make_key, make_key_file, read_keys, replace_keys
from vimesh.store.sql_store import sql_store
from vimesh.store.upgrade.manage_tables import upgrade
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

SECRET = {"username": "u", "password": "hunter2"}


def fill(folder: Path, keys: list[str], count: int) -> list[str]:
    """Make a database with VIMs that are encrypted with these keys. Return their ids."""

    async def register() -> list[str]:
        await upgrade(url := sqlite_url(folder / "vimesh.sqlite"))
        async with sql_store(url, Cipher(keys)) as store:
            return [(await store.register(registration(auth_cred=SECRET))).id for _ in range(count)]

    return asyncio.run(register())


@pytest.fixture
def rotate(vimesh: Command, tmp_path: Path) -> Command:
    url = sqlite_url(tmp_path / "vimesh.sqlite")
    return Command(vimesh.folder, {"VIMESH_DATABASE_URL": url, "VIMESH_KEY_FILE": str(tmp_path / "key")})


def test_a_key_is_changed_by_one_command(rotate: Command, tmp_path: Path) -> None:
    make_key_file(tmp_path / "key")
    [old] = read_keys(tmp_path / "key")
    fill(tmp_path, [old], 3)

    done = rotate("db", "rotate-key", "--new-key", "--remove-old")

    assert done.out == (
        f"encrypted 3 of 3 VIMs anew; all use the first key of {tmp_path / 'key'}\n"
        f"removed the old key from {tmp_path / 'key'}\n"
    )
    [new] = read_keys(tmp_path / "key")
    assert new != old
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_repeat_adds_no_further_key(rotate: Command, tmp_path: Path) -> None:
    make_key_file(tmp_path / "key")
    fill(tmp_path, read_keys(tmp_path / "key"), 1)

    first, second = (rotate("db", "rotate-key", "--new-key") for _ in range(2))

    assert "encrypted 1 of 1" in first.out
    assert "encrypted 0 of 1" in second.out
    assert "--remove-old" in second.out
    assert len(read_keys(tmp_path / "key")) == 2


def test_one_key_cannot_be_rotated(rotate: Command, tmp_path: Path) -> None:
    make_key_file(tmp_path / "key")
    before = (tmp_path / "key").read_text()
    fill(tmp_path, read_keys(tmp_path / "key"), 1)

    done = rotate("db", "rotate-key", "--remove-old")

    assert (done.code, (tmp_path / "key").read_text()) == (1, before)
    assert "holds only one key" in done.err
    assert "vimesh db rotate-key --new-key" in done.err


def test_no_key_is_added_for_a_database_that_cannot_be_used(rotate: Command, tmp_path: Path) -> None:
    make_key_file(tmp_path / "key")

    done = rotate("db", "rotate-key", "--new-key")

    assert (done.code, len(read_keys(tmp_path / "key"))) == (1, 1)
    assert "type: vimesh db upgrade" in done.err


def test_a_missing_key_file_says_what_to_type(rotate: Command, tmp_path: Path) -> None:
    done = rotate("db", "rotate-key")

    assert done.code == 1
    assert f"create it with: vimesh db make-key {tmp_path / 'key'}" in done.err


def test_a_missing_key_is_named_by_its_vims_and_keeps_the_others(rotate: Command, tmp_path: Path) -> None:
    lost = make_key()
    vim_ids = fill(tmp_path, [lost], 12)
    make_key_file(tmp_path / "key")

    done = rotate("db", "rotate-key", "--new-key", "--remove-old")

    assert (done.code, len(read_keys(tmp_path / "key"))) == (1, 2)
    assert "decrypts the credentials of 12 of 12 VIMs" in done.err
    assert sum(vim_id in done.err for vim_id in vim_ids) == 10
    assert "and 2 more" in done.err
    assert "append the key" in done.err
    replace_keys(tmp_path / "key", [*read_keys(tmp_path / "key"), lost])
    assert rotate("db", "rotate-key", "--remove-old").code == 0
    assert len(read_keys(tmp_path / "key")) == 1


def test_a_systemd_credential_is_found_by_its_name(tmp_path: Path, rotate: Command) -> None:
    make_key_file(tmp_path / "key")
    replace_keys(tmp_path / "key", [make_key(), *read_keys(tmp_path / "key")])
    fill(tmp_path, read_keys(tmp_path / "key")[1:], 1)

    done = rotate("db", "rotate-key", "--key-file", "credential:key", CREDENTIALS_DIRECTORY=str(tmp_path))
    unset = rotate("db", "rotate-key", "--key-file", "credential:key")

    assert "encrypted 1 of 1" in done.out
    assert unset.code == 1
    assert "LoadCredential=key:FILE" in unset.err


@pytest.mark.parametrize("name", ["", "a/b", "..", "/etc/key"])
def test_a_credential_is_a_name_and_no_path(name: str) -> None:
    with pytest.raises(BadSetting, match="LoadCredential"):
        key_file_of(f"credential:{name}", "--key-file", {"CREDENTIALS_DIRECTORY": "/run/credentials/x"})


def test_a_fleets_own_key_is_not_left_behind(tmp_path: Path) -> None:
    own, chosen = tmp_path / "own", tmp_path / "chosen"
    with pytest.raises(BadSetting, match=f"vimesh db make-key {chosen}"):
        prepare_key_file(chosen, own)
    make_key_file(chosen)
    prepare_key_file(chosen, own)
    assert not own.exists()
    prepare_key_file(own, own)
    with pytest.raises(Failure, match="holds a key that"):
        prepare_key_file(chosen, own)

    replace_keys(chosen, [*read_keys(chosen), *read_keys(own)])

    prepare_key_file(chosen, own)


class Caller:
    """Changes and reads credentials at two conductors until it is stopped: any error is kept."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.begun = threading.Event()
        self.calls = 0
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with ExitStack() as channels:
                self._call(
                    [
                        VimServiceStub(channels.enter_context(grpc.insecure_channel(address)))
                        for address in self._addresses
                    ]
                )
        except Exception as error:  # noqa: BLE001 - raised by the test
            self.error = error
        finally:
            self.begun.set()

    def _call(self, stubs: list[VimServiceStub]) -> None:
        for number, stub in zip(itertools.count(), itertools.cycle(stubs), strict=False):
            vim = vim_pb2.Vim(name=f"{id(self)}-{number}", type="openstack", auth_url="http://127.0.0.1/v3")
            vim.auth_cred.update({**SECRET, "n": number})
            asked = pb.RegisterVimRequest(vim=vim, request_id=str(uuid.uuid4()))
            registered = stub.RegisterVim(asked, timeout=30).vim
            for other in stubs:
                assert other.RegisterVim(asked, timeout=30).vim.id == registered.id
                registered.auth_cred.update({"username": f"of {self.calls}"})
                change = pb.ModifyVimRequest(vim=registered, update_mask=FieldMask(paths=["auth_cred"]))
                registered = other.ModifyVim(change, timeout=30).vim
                assert registered.auth_cred["password"] == "***"
                self.calls += 2
            self.begun.set()
            if self._stopped.is_set():
                return


@pytest.fixture
def conductors(tmp_path: Path) -> Generator[list[Conductor]]:
    """Two conductors of one database, with one key file."""
    with conductor_in(tmp_path) as one, conductor_in(tmp_path) as other:
        yield [one, other]


def test_no_call_fails_while_the_key_is_changed(conductors: list[Conductor], rotate: Command, tmp_path: Path) -> None:
    keys = set(read_keys(tmp_path / "key"))
    addresses = [conductor.address for conductor in conductors]
    with Caller(addresses) as one, Caller(addresses[::-1]) as other:
        for caller in (one, other):
            assert caller.begun.wait(60)
        for _ in range(3):
            done = rotate("db", "rotate-key", "--new-key", "--remove-old")
            assert (done.code, done.err.count("Error")) == (0, 0), done.err
            keys |= set(read_keys(tmp_path / "key"))

    assert (one.error, other.error) == (None, None)
    assert len(keys) == 4
    assert len(read_keys(tmp_path / "key")) == 1
    again = rotate("db", "rotate-key", "--new-key")
    assert "no key" not in again.err
    assert again.code == 0
