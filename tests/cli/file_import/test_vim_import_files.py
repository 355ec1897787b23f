"""What a file of VIMs may look like, and how slips in it are told. No fleet is needed for that."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import yaml
from google.protobuf.json_format import MessageToDict

from tests.support.callers.commands import Command
from vimesh.cli.file_import.entry_to_request import EntryReader, RejectedEntry
from vimesh.cli.input import yaml_file
from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.cli.input.file_formats import Format, read
from vimesh.files.yaml_loader import loader_class
from vimesh.v1.vim_service_pb2 import RegisterVimRequest

LAB: dict[str, Any] = {"name": "lab", "auth_url": "http://10.0.0.5:5000/v3"}
SECRET = "s3cret-word"
"""Never to be seen in what a command says."""


def entries(format_: Format, text: str | bytes) -> list[FileEntry | Flaw]:
    file: BinaryIO = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return list(read(format_, file))


def request(**content: Any) -> RegisterVimRequest:  # noqa: ANN401 - whatever a file holds
    return EntryReader().prepare(FileEntry(1, content)).request


SAME = {
    Format.YAML: """
- name: lab
  auth_url: http://10.0.0.5:5000/v3
  auth_cred: {username: "007", password: "a: b"}
- name: edge
  auth_url: http://10.0.0.6:5000/v3
""",
    Format.JSON: """[
{"name": "lab", "auth_url": "http://10.0.0.5:5000/v3",
 "auth_cred": {"username": "007", "password": "a: b"}},

{"name": "edge", "auth_url": "http://10.0.0.6:5000/v3"}
]""",
    Format.JSON_LINES: """
{"name": "lab", "auth_url": "http://10.0.0.5:5000/v3", "auth_cred": {"username": "007", "password": "a: b"}}


{"name": "edge", "auth_url": "http://10.0.0.6:5000/v3"}""",
    Format.CSV: """name,auth_url,auth_cred.username,auth_cred.password
lab,http://10.0.0.5:5000/v3,007,a: b


edge,http://10.0.0.6:5000/v3,,
""",
}


@pytest.mark.parametrize("format_", Format)
def test_each_format_says_the_same(format_: Format) -> None:
    found = entries(format_, SAME[format_])

    assert found == [
        FileEntry(2, {**LAB, "auth_cred": {"username": "007", "password": "a: b"}}),
        FileEntry(5, {"name": "edge", "auth_url": "http://10.0.0.6:5000/v3"}),
    ]
    assert "a: b" not in repr(found)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("vims:\n  - {name: a}\n  - name: b\n", [2, 3]),
        ("name: a\n---\nname: b\n---\n- name: c\n", [1, 3, 5]),
        ("- &one {name: a}\n- *one\n- <<: *one\n", [1, 2, 3]),
        ("# nothing\n", []),
        ("vims: []\n---\n", []),
    ],
)
def test_yaml_may_have_lists_and_documents(text: str, lines: list[int]) -> None:
    assert [entry.line for entry in entries(Format.YAML, text) if isinstance(entry, FileEntry)] == lines


@pytest.mark.parametrize("text", ["[]", " [ ] \n", '{"vims": []}', '{\n"vims" : [ ] }'])
def test_json_may_hold_nothing(text: str) -> None:
    assert entries(Format.JSON, text) == []


def test_json_may_name_the_list() -> None:
    assert entries(Format.JSON, '{"vims": [{"name": "a"},\n{"name": "b"}]}\n') == [
        FileEntry(1, {"name": "a"}),
        FileEntry(2, {"name": "b"}),
    ]


@pytest.mark.parametrize(
    ("format_", "text", "line"),
    [
        (Format.YAML, f"- name: a\n- password: '{SECRET}\n", 3),
        (Format.YAML, f"- name: a\n- password: *{SECRET}\n", 2),
        (Format.YAML, f"- name: a\n- !{SECRET} {{}}\n", 2),
        (Format.YAML, f"- name: a\n- !{SECRET}!x {{}}\n", 2),
        (Format.YAML, f"- name: a\n- !!binary {SECRET}é\n", 2),
        (Format.YAML, b"- name: \xff\n", 1),
        (Format.YAML, "vims: []\nname: a\n", 2),
        (Format.YAML, "- a\n", 1),
        (Format.YAML, "text\n", 1),
        (Format.JSON, f'[{{"name": "a"}},\n{{"password": "{SECRET}"]', 2),
        (Format.JSON, f'[{{"name": "a"}}\n{SECRET}]', 2),
        (Format.JSON, '{"name": "a"}', 1),
        (Format.JSON, '{"vims": [],\n"name": "a"}', 1),
        (Format.JSON, "[]\n[]", 2),
        (Format.JSON, b'[\n"\xff"]', 2),
        (Format.JSON, "[1]", 1),
        (Format.JSON, "[" * 100_000, 1),
        (Format.JSON_LINES, f'{{"name": "a"}}\n{{"password": "{SECRET}"', 2),
        (Format.JSON_LINES, b'{"name": "\xff"}', 1),
        (Format.JSON_LINES, "[]\n", 1),
        (Format.JSON_LINES, f'{{"name": {"1" * 5000}}}', 1),
        (Format.JSON, f'[{{"name": {"1" * 5000}}}]', 1),
        (Format.CSV, "lab,http://10.0.0.5\n", 1),
        (Format.CSV, "name,name\n", 1),
        (Format.CSV, "name,colour.red\n", 1),
        (Format.CSV, "name,extra\n", 1),
        (Format.CSV, "name,colour\na,red\nb,red\n", 1),
        (Format.CSV, "name,probe_policy.colour\na,red\n", 1),
        (Format.CSV, "name,extra.a,extra.a.b\na,1,2\n", 2),
        (Format.CSV, f"name\na,{SECRET}\n", 2),
        (Format.CSV, f'name\na\n"{SECRET}"b\n', 3),
        (Format.CSV, b"name\n\xff\n", 2),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line_and_without_its_text(
    format_: Format, text: str | bytes, line: int
) -> None:
    flaws = [found for found in entries(format_, text) if isinstance(found, Flaw)]

    assert [flaw.line for flaw in flaws] == [line]
    assert SECRET not in str(flaws[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"  password: {SECRET}: x\n", "line 2: cannot be read as YAML: mapping values are not allowed"),
        (f"  password: {SECRET}: x\n", " at character 24"),
        (f"- !{SECRET} {{}}\n", "line 2: cannot be read as YAML at character 3"),
        (f"- !{SECRET}!x {{}}\n", "line 2: cannot be read as YAML at character 3"),
        (f"- *{SECRET}\n", "line 2: cannot be read as YAML at character 3"),
    ],
)
@pytest.mark.parametrize("loader", [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)])
def test_of_yaml_the_parsers_words_are_told_without_the_text_that_they_may_quote(
    monkeypatch: pytest.MonkeyPatch, loader: type[object], text: str, said: str
) -> None:
    monkeypatch.setattr(yaml_file, "LOADER", loader_class(loader))

    flaw = entries(Format.YAML, f"- name: a\n{text}")[-1]

    assert said in str(flaw)
    assert SECRET not in str(flaw)


@pytest.mark.parametrize(
    ("format_", "text", "said"),
    [
        (Format.JSON_LINES, '{"name": "a"\n', "line 1: is not JSON: Expecting ',' delimiter at character 13"),
        (Format.JSON_LINES, '{"name": "a"\r\n', "at character 13"),
        (Format.CSV, "name;auth_url\na;http://a\n", "line 1: must separate the columns with commas"),
        (Format.CSV, "name\tauth_url\na\thttp://a\n", "line 1: must separate the columns with commas"),
        (Format.CSV, "name,authurl\na,http://a\n", "column authurl is unknown; did you mean auth_url?"),
        (Format.CSV, "name,probe_policy.fal\na,1\n", "column probe_policy.fal is unknown; did you mean fall?"),
    ],
)
def test_what_is_wrong_is_said_and_where(format_: Format, text: str, said: str) -> None:
    [flaw] = entries(format_, text)

    assert said in str(flaw)


def test_a_column_without_a_name_may_be_empty() -> None:
    assert entries(Format.CSV, "name,\na,\n") == [FileEntry(2, {"name": "a"})]


def test_an_entry_has_the_fields_of_the_contract() -> None:
    found = request(
        **LAB,
        id="B0B1A5C0-0000-4000-8000-000000000000",
        project_id="red",
        type="kubernetes",
        description="the lab",
        is_default=True,
        engine="EXTERNAL",
        auth_cred={"bearer_token": SECRET},
        placement_attr={"regions": ["RegionOne"]},
        probe_policy={
            "method": "PING",
            "interval": "2s",
            "timeout": 0.5,
            "fall": 4,
            "tls_verify": True,
            "fail_for": 6.5,
        },
    )

    assert MessageToDict(found, preserving_proto_field_name=True) == {
        "vim": {
            **LAB,
            "project_id": "red",
            "type": "kubernetes",
            "description": "the lab",
            "is_default": True,
            "auth_cred": {"bearer_token": SECRET},
            "placement_attr": {"regions": ["RegionOne"]},
            "probe_policy": {
                "method": "PING",
                "interval": "2s",
                "timeout": "0.500s",
                "fall": 4,
                "tls_verify": True,
                "fail_for": "6.500s",
            },
        },
        "vim_id": "B0B1A5C0-0000-4000-8000-000000000000",
        "engine": "EXTERNAL",
        "request_id": found.request_id,
    }


def test_an_entry_may_have_the_words_of_the_flags_and_texts_for_numbers() -> None:
    probing = {"method": "tcp", "interval": "2s", "fall": "4", "tls_verify": "false", "fail_for": "1m"}
    flags = request(**LAB, project="red", default="yes", **probing)
    contract = request(
        **LAB,
        project_id="red",
        is_default=True,
        probe_policy={"method": "TCP", "interval": 2, "fall": 4, "tls_verify": False, "fail_for": 60},
    )

    assert flags == contract


def test_an_entry_may_be_one_of_tackers_files_with_a_name() -> None:
    found = request(**LAB, username="u", password="p", project_name="nfv", cert_verify="False").vim

    assert dict(found.auth_cred) == {"username": "u", "password": "p", "user_domain_name": "", "cert_verify": "False"}
    assert dict(found.vim_project) == {"name": "nfv", "project_domain_name": ""}


def test_what_a_list_of_vims_shows_besides_is_left_out() -> None:
    shown = {"status": "REACHABLE", "monitor": {"state": "RUNNING"}, "etag": "x", "revision": "7", "round_trip": None}

    assert request(**LAB, **shown) == request(**LAB)


def test_the_request_id_follows_from_the_content_but_not_from_its_secrets() -> None:
    one = request(**LAB, auth_cred={"password": "one"}, extra={"a": 1, "b": 2})
    other = request(**LAB, auth_cred={"password": "other"}, extra={"b": 2, "a": 1})

    assert one.request_id == other.request_id
    assert one.request_id != request(**LAB, extra={"a": 1, "b": 3}).request_id
    with_password = request(name="lab", auth_url=f"http://user:{SECRET}@10.0.0.5:5000/v3")
    assert with_password.request_id == request(**LAB).request_id
    assert SECRET not in with_password.vim.auth_url


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"auth_url": "http://a"}, "name: is required"),
        ({"name": "a"}, "auth_url: is required"),
        ({**LAB, "colour": "red"}, "'colour' is unknown; known fields: name, "),
        ({**LAB, "authurl": "http://a"}, "'authurl' is unknown; did you mean auth_url?"),
        ({"name": "lab", 7: "red"}, "'7' is unknown"),
        ({**LAB, "project": "a", "project_id": "b"}, "are the same"),
        ({**LAB, "name": 7}, 'name must be a string: write it in quotes, as in name: "..."'),
        ({**LAB, "type": "vmware"}, "vim.type"),
        ({**LAB, "auth_url": "nowhere"}, "vim.auth_url"),
        ({**LAB, "extra": "text"}, "extra must be a mapping"),
        ({**LAB, "extra": {7: 1}}, "a field name that is not a string"),
        ({**LAB, "extra": {"day": object()}}, "extra holds values that JSON cannot"),
        ({**LAB, "auth_cred": {"password": "***"}}, "none is stored"),
        ({**LAB, "name": "\ud800"}, "cannot be sent"),
        ({**LAB, "is_default": "perhaps"}, "is_default must be true or false"),
        ({**LAB, "engine": "nowhere"}, "engine: must be one of"),
        ({**LAB, "id": "7"}, "vim_id"),
        ({**LAB, "interval": "soon"}, "interval: must be a duration"),
        ({**LAB, "interval": "9" * 400}, "interval: is longer than"),
        ({**LAB, "fail_for": "-1s"}, "fail_for: must be a duration"),
        ({**LAB, "fail_for": float("nan")}, "fail_for: must be a duration"),
        ({**LAB, "fail_for": float("inf")}, "fail_for: must be a duration"),
        ({**LAB, "fail_for": "61m"}, "vim.probe_policy.fail_for"),
        ({**LAB, "fall": 11}, "fall: must be from 1 to 10"),
        ({**LAB, "fall": "many"}, "fall must be a whole number"),
        ({**LAB, "interval": "1s", "timeout": "1s"}, "timeout must be shorter than interval"),
        ({**LAB, "probe_policy": {"colour": 1}}, "probe_policy.colour is unknown; known fields: method, interval"),
        ({**LAB, "probe_policy": {"timout": 1}}, "probe_policy.timout is unknown; did you mean timeout?"),
        ({**LAB, "probe_policy": {"fall": 1}, "fall": 2}, "are the same"),
        ({**LAB, "username": "u"}, "is missing"),
        ({**LAB, "username": "u", "auth_cred": {}}, "are mutually exclusive"),
    ],
)
def test_what_no_conductor_would_take_is_named(content: Mapping[object, object], complaint: str) -> None:
    with pytest.raises(RejectedEntry) as unfit:
        EntryReader().prepare(FileEntry(1, content))

    assert complaint in str(unfit.value)
    assert "--" not in str(unfit.value)


def write(folder: Path, *vims: Mapping[str, object], name: str = "vims.jsonl") -> str:
    (folder / name).write_text("".join(json.dumps(vim) + "\n" for vim in vims))
    return name


def test_a_dry_run_says_whether_all_are_fit(vimesh: Command) -> None:
    done = vimesh("vim", "import", write(vimesh.folder, LAB, {**LAB, "project": "red"}), "--dry-run")

    assert (done.code, done.out) == (0, "")
    assert done.err == "2 VIMs: all valid. Nothing was changed\n"


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("format_", "text"),
    [*((format_, "") for format_ in Format), (Format.YAML, "# none\n"), (Format.JSON, "[]"), (Format.CSV, "name\n")],
)
def test_a_file_without_a_vim_is_an_error(
    vimesh: Command, format_: Format, text: str, dry_run: tuple[str, ...]
) -> None:
    (vimesh.folder / "vims").write_text(text)

    done = vimesh("vim", "import", "vims", "--format", format_, *dry_run, "--address", "127.0.0.1:9")

    assert (done.code, done.err) == (1, "error: the file is empty: it contains no VIMs\n")


def test_of_a_broken_file_nothing_is_registered_and_each_line_is_named(vimesh: Command) -> None:
    file = write(
        vimesh.folder,
        LAB,
        {**LAB, "colour": 1},
        LAB,
        {**LAB, "name": "a", "is_default": True, "id": "b0b1a5c0-0000-4000-8000-000000000000"},
        {**LAB, "name": "b", "is_default": True},
        {**LAB, "name": "c", "id": "B0B1A5C0-0000-4000-8000-000000000000"},
        *({**LAB, "name": f"{number}", "fall": SECRET} for number in range(50)),
    )

    # There is no fleet: it would be asked for.
    done = vimesh("vim", "import", file, "--address", "127.0.0.1:9")

    assert (done.code, done.out) == (1, "")
    assert "nothing was registered" in done.err
    assert "  line 2: 'colour' is unknown; known fields: " in done.err
    assert "  line 3: has the same name as line 1, in the same project\n" in done.err
    assert "  line 5: would be the default VIM of its project, but so would line 4\n" in done.err
    assert "  line 6: has the same id as line 4\n" in done.err
    assert "  ... and 34 more\n" in done.err
    assert SECRET not in done.err
    assert "--skip-invalid" in done.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("vims.txt",), 2),
        (("-",), 2),
        (("missing.yaml",), 1),
        (("vims.jsonl", "--format", "xml"), 2),
        (("vims.jsonl", "--give-up", "soon"), 2),
        (("vims.jsonl", "--rejects", "missing/rejects.jsonl"), 1),
        (("vims.jsonl", "--rejects", "vims.jsonl"), 1),
        (("vims.jsonl", "--address", "127.0.0.1:9"), 5),
    ],
)
def test_what_is_wrong_with_the_command_is_said(vimesh: Command, arguments: tuple[str, ...], code: int) -> None:
    write(vimesh.folder, LAB)
    write(vimesh.folder, LAB, name="vims.txt")

    done = vimesh("vim", "import", *arguments)

    assert done.code == code, done.err
    assert "error: " in done.err
