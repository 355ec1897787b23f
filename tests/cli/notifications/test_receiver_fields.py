"""What a receiver is to be, as files and flags say it."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from vimesh.cli.base.exits import Failure
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.notifications.receiver_fields import add_secrets, fields_of_file, receiver_of
from vimesh.cli.notifications.receiver_flags import fields_of
from vimesh.cli.notifications.receiver_output import print_receiver
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import BadFlag
from vimesh.files.file_limits import MAX_DOCUMENT_BYTES
from vimesh.v1.vim_pb2 import Vim

FILE = """
name: ops
filter: labels.region = eu
statuses: [UNREACHABLE]
group_by: [reason, labels.region]
group_wait: 10s
repeat_interval: 1.5h
resolved: false
email:
  smtp_host: mail.example
  smtp_port: 587
  tls: STARTTLS
  username: vimesh
  password: s3cret
  from_address: vimesh@example.com
  to: [ops@example.com]
"""
NO_FLAGS: dict[str, Any] = {
    "secret": None,
    "ca_file": None,
    "name": None,
    "filter_": "",
    "selector": "",
    "alertmanager": None,
    "cloud_events": "",
    "tacker": "",
    "fault_management": "",
    "group_by": None,
    "group_wait": None,
    "group_interval": None,
    "repeat_interval": None,
}


def file_of(folder: Path, text: str) -> Path:
    path = folder / "receiver.yaml"
    path.write_text(text)
    return path


def test_a_file_has_the_fields_of_the_contract_with_durations_for_people(tmp_path: Path) -> None:
    receiver = receiver_of(fields_of_file(file_of(tmp_path, FILE)))

    assert (receiver.name, receiver.filter, list(receiver.statuses)) == ("ops", "labels.region = eu", [Vim.UNREACHABLE])
    assert (receiver.group_wait.seconds, receiver.repeat_interval.seconds) == (10, 5400)
    assert not receiver.HasField("group_interval")
    assert receiver.HasField("resolved")
    assert not receiver.resolved
    assert (receiver.email.password, list(receiver.email.to)) == ("s3cret", ["ops@example.com"])


def test_what_show_prints_can_be_given_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = receiver_of(fields_of_file(file_of(tmp_path, FILE)))
    stored.id, stored.last_error, stored.dead_count = "7c9e6679-7425-40de-944b-e07fc1f90ae7", "gone", 3
    stored.create_time.seconds = 1

    print_receiver(Output.YAML, stored)
    again = receiver_of(fields_of_file(file_of(tmp_path, capsys.readouterr().out)))

    for field in ("id", "last_error", "dead_count", "create_time"):
        stored.ClearField(field)
    assert again == stored


def test_a_file_may_come_by_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"name": "ops"}')))

    assert fields_of_file(Path("-")) == {"name": "ops"}


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"name: a\n" + b" " * MAX_DOCUMENT_BYTES, "is larger than 1048576 bytes"), (b"name: \xff", "is not UTF-8 text")],
    ids=["too large", "no text"],
)
def test_standard_input_is_refused_rather_than_cut(monkeypatch: pytest.MonkeyPatch, content: bytes, part: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    with pytest.raises(BadSetting, match=part):
        fields_of_file(Path("-"))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("- ops", "must have fields of a receiver"),
        ("nmae: ops", "nmae: is no field of a receiver"),
        ("name: [", "receiver.yaml"),
    ],
)
def test_a_file_that_is_no_receiver_is_refused(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(BadSetting) as refused:
        fields_of_file(file_of(tmp_path, text))

    assert part in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="cannot be read"):
        fields_of_file(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"name": 7}, "name"),
        ({"alertmanager": {"host": "x"}}, "host"),
        ({"group_wait": "soon"}, "group_wait must be a duration"),
        ({"email": {}, "webhook": {}}, "target"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(fields: dict[str, Any], part: str) -> None:
    with pytest.raises(Failure) as refused:
        receiver_of(fields)

    assert part in str(refused.value)


def test_flags_override_the_file(tmp_path: Path) -> None:
    flags = NO_FLAGS | {"name": "night", "selector": "tier=1", "filter_": 'name = "lab*"', "group_wait": "0s"}
    fields = fields_of(file=file_of(tmp_path, FILE), **flags)

    receiver = receiver_of(fields)
    assert (receiver.name, receiver.filter) == ("night", '(name = "lab*") AND labels.tier = "1"')
    assert receiver.HasField("group_wait")
    assert receiver.group_wait.seconds == 0
    assert receiver.email.smtp_host == "mail.example"


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("alertmanager", ["http://a:9093", "http://b:9093"]),
        ("cloud_events", "https://hook.example"),
        ("tacker", "https://tacker.example"),
        ("fault_management", "https://nfvo.example"),
    ],
)
def test_a_flag_names_the_target(flag: str, value: object) -> None:
    receiver = receiver_of(fields_of(file=None, **(NO_FLAGS | {flag: value})))

    assert receiver.WhichOneof("target") == flag


def test_secrets_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    fields: dict[str, Any] = {"tacker": {"url": "https://t.example"}}

    add_secrets(fields, [f"bearer_token={tmp_path / 'token'}"])

    assert fields == {"tacker": {"url": "https://t.example", "bearer_token": "t0ken"}}


def test_authorities_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    flags = NO_FLAGS | {"ca_file": tmp_path / "ca.pem", "alertmanager": ["https://a:9093"]}

    fields = fields_of(file=None, **flags)

    assert fields["alertmanager"] == {"urls": ["https://a:9093"], "ssl_ca_cert": "-----BEGIN CERTIFICATE-----"}
    (tmp_path / "ca.pem").write_text("x" * 16385)
    with pytest.raises(BadFlag, match="--ca-file"):
        fields_of(file=None, **flags)
    with pytest.raises(BadFlag, match="--ca-file: is for the target"):
        fields_of(file=None, **(flags | {"alertmanager": None}))


@pytest.mark.parametrize(
    ("fields", "secret", "part"),
    [
        ({"tacker": {}}, "t0ken", "must be FIELD=FILE"),
        ({"tacker": {}}, "bearer_token=/nowhere", "cannot be read"),
        ({"name": "ops"}, "bearer_token=/nowhere", "is for the target"),
    ],
)
def test_a_secret_that_cannot_be_read_is_refused(fields: dict[str, Any], secret: str, part: str) -> None:
    with pytest.raises(BadFlag, match="--secret") as refused:
        add_secrets(fields, [secret])

    assert part in str(refused.value)
