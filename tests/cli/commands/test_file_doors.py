"""Whatever stands where a file is expected, a command ends in time with a line that says what is wrong."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from tests.support.timing.cpu_limit import cpu_limit
from vimesh.bridge.kills.state_dir import StoredRevision, state_dir
from vimesh.cli.base.command_settings import KNOWN, SHARD, UP_PORT
from vimesh.cli.base.common_settings import CALL_TIMEOUT
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import ADDRESS, sources
from vimesh.files import read_files
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_SETTINGS_BYTES, MAX_SETTINGS_LINE

_CPU_S = 5.0
_TACKERS = "auth_url: http://10.0.0.1/\nusername: u\npassword: s3cret\nproject_name: p\n"
_LAUGHS = "extra:\n  l0: &l0 [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"  l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]\n" for level in range(1, 9)
)
_KINDS = {
    "aliases": (_TACKERS + _LAUGHS, "line 10: holds more than"),
    "an alias to itself": (_TACKERS + "extra: &a [*a]\n", "line 5: has an alias inside its own anchor"),
    "depth": (_TACKERS + f"extra: {'[' * 900}", f"line 5: is nested deeper than {MAX_DEPTH} levels"),
    "a day that is none": (_TACKERS + "extra: {a: 2001-99-99}\n", "line 5: holds a value that does not match its tag"),
    "a day": (_TACKERS + "extra: {a: 2001-09-09}\n", "extra: holds values that JSON cannot"),
    "a key that is no text": (_TACKERS + "extra: {1: a}\n", "extra: has a field name that is not a string"),
    "no number": (_TACKERS + "extra: {a: .nan}\n", "extra: holds values that JSON cannot"),
    "no boolean": (_TACKERS + "extra: {a: !!bool maybe}\n", "line 5: holds a value that does not match its tag"),
    "a number": (_TACKERS + f"extra: {{a: {'9' * 5000}}}\n", "line 5: holds a number of more than"),
    "a key twice": (_TACKERS + "username: b\n", "line 5: has a duplicate key in a mapping"),
    "documents": (_TACKERS + "---\na: b\n", "starts a second document"),
    "size": (_TACKERS + "#" * MAX_DOCUMENT_BYTES, f"is larger than {MAX_DOCUMENT_BYTES} bytes"),
    "a long field": (_TACKERS + f"extra: {{a: {'x' * 70_000}}}\n", "extra: is longer than 65536 bytes of JSON"),
    "a NUL": (_TACKERS + "extra: {a: '\0'}\n", "line 5: cannot be read as YAML: control characters"),
    "UTF-16": (_TACKERS.encode("utf-16"), "line 1: is not UTF-8 text"),
}


@pytest.mark.parametrize(("content", "said"), _KINDS.values(), ids=_KINDS)
def test_a_file_of_one_vim_is_bounded(vimesh: Command, content: str | bytes, said: str) -> None:
    (vimesh.folder / "vim.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())

    with cpu_limit(_CPU_S):
        done = vimesh("vim", "register", "x", "--config-file", "vim.yaml", "--address", "127.0.0.1:9")

    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert "s3cret" not in done.err


def test_a_file_may_begin_with_a_byte_order_mark(vimesh: Command) -> None:
    (vimesh.folder / "vim.yaml").write_bytes(b"\xef\xbb\xbf" + _TACKERS.encode())

    done = vimesh("vim", "register", "x", "--config-file", "vim.yaml", "--address", "127.0.0.1:9")

    assert done.code == 5, done.err


_READERS = {
    "config-file": ("vim", "register", "x", "--address", "127.0.0.1:9", "--config-file"),
    "settings": ("vim", "list", "--address", "127.0.0.1:9", "--config"),
    "fleet": ("envoy", "render", "--output", "out"),
    "import of yaml": ("vim", "import", "--dry-run=client", "--format", "yaml"),
    "import of json": ("vim", "import", "--dry-run=client", "--format", "json"),
    "import of lines": ("vim", "import", "--dry-run=client", "--format", "jsonl"),
    "import of csv": ("vim", "import", "--dry-run=client", "--format", "csv"),
}


@pytest.mark.parametrize("arguments", _READERS.values(), ids=_READERS)
@pytest.mark.parametrize("path", ["/dev/zero", "/", "/dev/null"])
def test_a_device_or_a_folder_is_no_file(vimesh: Command, arguments: tuple[str, ...], path: str) -> None:
    with cpu_limit(_CPU_S):
        done = vimesh(*arguments, path)

    # An empty file of settings is one.
    assert done.code == (5 if (arguments[1], path) == ("list", "/dev/null") else 1), done.err
    assert len(done.err) < 2000


@pytest.mark.parametrize("name", ["config-file", "settings", "fleet"])
def test_a_pipe_that_does_not_end_is_given_up(vimesh: Command, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(read_files, "_PATIENCE_S", 0.05)
    os.mkfifo(vimesh.folder / "pipe")

    done = vimesh(*_READERS[name], "pipe")

    assert done.code == 1
    assert "did not end within 0.05 s" in done.err


def test_a_pipe_that_ends_is_read(vimesh: Command) -> None:
    pipe = vimesh.folder / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(_TACKERS,))
    writer.start()

    done = vimesh("vim", "register", "x", "--config-file", "pipe", "--address", "127.0.0.1:9")

    writer.join(10)
    assert done.code == 5, done.err


def test_a_file_that_is_written_meanwhile_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "vims"
    path.write_text("a")
    before = path.stat()
    path.write_text("ab")

    with pytest.raises(BadFile, match="changed while it was being read"):
        read_files.require_unchanged(before, path.stat())
    read_files.require_unchanged(before, before)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (".".join("a" * 20_000) + " = 1\n", f"line 1: is longer than {MAX_SETTINGS_LINE} characters"),
        (".".join("a" * 1000) + " = 1\n", "is not TOML for settings|is unknown"),
        ("#\n" * MAX_SETTINGS_BYTES, f"is larger than {MAX_SETTINGS_BYTES} bytes"),
        ("a = " + "[" * 2000, "is nested too deeply"),
        ("[up]\nport = 0x" + "f" * 2000, "must be a number from 0 to 65535, not '[0-9]{50}'"),
        ("[up]\nport = " + "1_" * 900 + "1e9999", "is not TOML|must be a number"),
        ("[up]\nport = " + "9" * 2000, "must be a number from 0 to 65535, not '9{50}'"),
        ("call_timeout = " + "9" * 1000, "is longer than 10,000 years"),
        ('address = "127.0.0.1:' + "9" * 1000 + '"', "must be host:port"),
        ('[monitor]\nshard = "' + "9" * 900 + "/" + "9" * 1000 + '"', "must be I/N"),
        ('address = "\ud800"', "is not UTF-8 text"),
    ],
)
def test_a_file_of_settings_is_bounded(vimesh: Command, content: str, said: str) -> None:
    (vimesh.folder / "v.toml").write_bytes(content.encode("utf-8", "surrogatepass"))

    with cpu_limit(_CPU_S), pytest.raises(BadSetting, match=said):
        read_settings(vimesh.folder / "v.toml")


def read_settings(path: Path) -> None:
    found = sources({}, path, KNOWN)
    found.read(UP_PORT)
    found.read(CALL_TIMEOUT)
    found.read(ADDRESS)
    found.read(SHARD)


@pytest.mark.parametrize("content", [b"9" * 10_000, b"-1", b"9" * 30, b"\xff", b"1_0.5"])
def test_a_bridge_begins_from_the_list_when_its_revision_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "revision").write_bytes(content)

    with state_dir(tmp_path) as state:
        assert state.read() == StoredRevision()


@pytest.mark.parametrize(
    "vim",
    [
        "name: a\n  extra: {2001-01-01: {2002-02-02: x}}",
        "name: a\n  extra: {a: !!binary aGk=}",
    ],
)
def test_what_json_cannot_say_is_kept_among_the_rejects_all_the_same(vimesh: Command, vim: str) -> None:
    (vimesh.folder / "vims.yaml").write_text(
        f"- {vim}\n  auth_url: http://10.0.0.1/\n- {{name: b, auth_url: nowhere}}\n"
    )

    done = vimesh("vim", "import", "vims.yaml", "--skip-invalid", "--rejects", "rejects", "--address", "127.0.0.1:9")

    assert done.code == 4, done.err
    kept = [json.loads(line) for line in (vimesh.folder / "rejects").read_text().splitlines()]
    assert [each["name"] for each in kept] == ["a", "b"]


def test_half_a_character_is_kept_among_the_rejects(vimesh: Command) -> None:
    text = '{"name": "\\ud800", "auth_url": "http://10.0.0.1/"}\n'
    (vimesh.folder / "vims.jsonl").write_text(text)

    vimesh("vim", "import", "vims.jsonl", "--skip-invalid", "--rejects", "rejects", "--address", "127.0.0.1:9")

    [kept] = [json.loads(line) for line in (vimesh.folder / "rejects").read_text().splitlines()]
    assert kept["name"] == "\ud800"
    assert "cannot be sent" in kept["rejected"]


def test_an_argument_that_is_no_utf_8_is_explained(vimesh: Command) -> None:
    done = vimesh("vim", "register", "\udcff", "--auth-url", "http://10.0.0.1/", "--address", "127.0.0.1:9")

    assert done.code == 1
    assert "not UTF-8 text" in done.err
