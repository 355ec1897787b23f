from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from vimesh.bridge.calls.unnamed_reports import UnnamedReportPolicy, parse_policies
from vimesh.bridge.config.rabbit_options import RabbitOptions, with_query
from vimesh.bridge.config.transport_url import Node, transport_url
from vimesh.bridge.kills.state_dir import StoredRevision, state_dir
from vimesh.domain.errors import BadSetting
from vimesh.domain.vims import Engine


@pytest.mark.parametrize(
    ("text", "nodes", "virtual_host"),
    [
        ("rabbit://u:p@h:5673/v", [Node("h", 5673, "u", "p")], "v"),
        ("rabbit://u:p@h/", [Node("h", 5672, "u", "p")], "/"),
        ("rabbit://h//", [Node("h")], "/"),
        ("rabbit://", [Node("localhost")], "/"),
        ("rabbit:///v", [Node("localhost")], "v"),
        ("rabbit://u:p%40%2F@[::1]:5672/%2Fv", [Node("::1", 5672, "u", "p@/")], "/v"),
        ("rabbit://u:p@h1:5672,u:q@h2:5673/v", [Node("h1", 5672, "u", "p"), Node("h2", 5673, "u", "q")], "v"),
    ],
)
def test_a_transport_url_reads_as_it_does_to_oslo_messaging(text: str, nodes: list[Node], virtual_host: str) -> None:
    read = transport_url(text)

    assert list(read.nodes) == nodes
    assert read.virtual_host == virtual_host


def test_options_stand_in_the_url_as_in_oslo_messaging() -> None:
    url = transport_url(
        "rabbit://h:5671/?ssl=true&ssl_ca_file=/ca.pem&heartbeat_timeout_threshold=30&use_queue_manager=1"
    )

    options = with_query(RabbitOptions(), url.query)

    assert options == RabbitOptions(ssl=True, ssl_ca_file="/ca.pem", heartbeat_timeout_threshold=30)


@pytest.mark.parametrize(
    "text",
    [
        "amqp://u:secret@h/",
        "rabbit://u:secret@h:port/",
        "rabbit://u:secret@/",
        "http://u:secret@h/",
        "u:secret@h",
        "rabbit://u:secret@h/?x=1",
        "rabbit://u:secret@h/?ssl=maybe",
        "rabbit://u:secret@h/?rabbit_quorum_delivery_limit=-1",
        "rabbit://u:secret@h/?rabbit_login_method=guess",
    ],
)
def test_what_is_no_transport_url_is_refused_without_its_password(tmp_path: Path, text: str) -> None:
    ended = Command(tmp_path)("bridge", "--transport-url", text)

    assert ended.code == 2
    assert "--transport-url: " in ended.err
    assert "secret" not in ended.err


@pytest.mark.parametrize(
    "text",
    [
        "rabbit://u:top/secret@h:5672/v",
        "rabbit://u:12/secret@h:5672/v",
        "rabbit://u:top@secret@h/",
        "rabbit://u:p@h1,u:top@secret@h2/",
        "rabbit://u:top#secret@h/",
        "rabbit://u:12?secret@h/",
        "rabbit://u:top,secret@h/",
        "rabbit://u:top[secret@h/",
    ],
)
def test_a_password_that_looks_like_another_part_gets_a_hint(tmp_path: Path, text: str) -> None:
    ended = Command(tmp_path)("bridge", "--transport-url", text)

    assert ended.code == 2
    assert "write / as %2F, @ as %40, # as %23" in ended.err
    assert "secret" not in ended.err
    assert "top" not in ended.err


def test_a_ca_file_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "odd.pem").write_text("no certificate")
    url = f"rabbit://h/?ssl=true&ssl_ca_file={tmp_path}"

    missing = Command(tmp_path)("bridge", "--transport-url", f"{url}/none.pem")
    odd = Command(tmp_path)("bridge", "--transport-url", f"{url}/odd.pem")

    assert (missing.code, odd.code) == (1, 1)
    assert f"ssl_ca_file {tmp_path}/none.pem cannot be read: No such file" in missing.err
    assert f"ssl_ca_file {tmp_path}/odd.pem holds no certificates" in odd.err


def test_the_password_stands_nowhere() -> None:
    read = transport_url("rabbit://u:secret@h1,u:secret@h2/")

    assert "secret" not in repr(read) + read.places


def test_a_bridge_has_to_know_its_broker(tmp_path: Path) -> None:
    ended = Command(tmp_path)("bridge")

    assert ended.code == 1
    assert "--transport-url: is required" in ended.err


def test_policies_are_by_engine() -> None:
    read = parse_policies("embedded=adopt,MISTRAL=Accept")

    assert read == {
        Engine.EMBEDDED: UnnamedReportPolicy.ADOPT,
        Engine.MISTRAL: UnnamedReportPolicy.ACCEPT,
        Engine.EXTERNAL: UnnamedReportPolicy.REJECT,
    }


@pytest.mark.parametrize("text", ["embedded", "embedded=maybe", "nobody=reject", "external=adopt"])
def test_what_is_no_policy_is_refused(tmp_path: Path, text: str) -> None:
    ended = Command(tmp_path)("bridge", "--policy", text, "--transport-url", "rabbit://h/")

    assert ended.code == 2
    assert "--policy: " in ended.err


def test_a_list_of_policies_in_the_file_is_refused_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "vimesh.toml").write_text('[bridge]\ntransport_url = "rabbit://h/"\npolicy = ["embedded=adopt"]\n')

    ended = Command(tmp_path)("bridge")

    assert ended.code == 1
    assert "bridge.policy in vimesh.toml: must be one string, such as 'embedded=adopt,mistral=reject'" in ended.err


def test_the_help_explains_engines_and_policies(tmp_path: Path) -> None:
    said = " ".join(Command(tmp_path)("bridge", "--help").out.split())

    for word in ("embedded, mistral, external", "reject: the report", "adopt: the VIM", "accept: the report"):
        assert word in said


LOG_ID = "6f1c5a0e-5a53-4b0e-9a39-0d0f3c6f8a11"


def test_a_state_dir_belongs_to_one_bridge(tmp_path: Path) -> None:
    with state_dir(tmp_path / "a") as state:
        state.write(7, LOG_ID)
        with pytest.raises(BadSetting, match="used by another bridge"), state_dir(tmp_path / "a"):
            pass
    with state_dir(tmp_path / "a") as again:
        assert again.read() == StoredRevision(7, LOG_ID)


def test_a_revision_that_an_earlier_version_stored_is_of_a_log_that_is_not_known(tmp_path: Path) -> None:
    with state_dir(tmp_path) as state:
        (tmp_path / "revision").write_text("7\n")

        assert state.read() == StoredRevision(7, "")


def test_a_revision_that_cannot_be_read_begins_with_the_list(tmp_path: Path) -> None:
    with state_dir(tmp_path) as state:
        (tmp_path / "revision").write_text("seven")

        assert state.read() == StoredRevision()
