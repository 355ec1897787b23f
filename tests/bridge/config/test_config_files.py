"""What is read of a service's configuration files, and what is refused."""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from vimesh.bridge.amqp.dialer import limits_from
from vimesh.bridge.config.config_files import _libraries, read_config_files
from vimesh.bridge.config.deployment import Deployment, deployment, describe_settings
from vimesh.bridge.config.rabbit_options import GROUP, IGNORED, LOGIN_METHODS, RabbitOptions
from vimesh.bridge.config.transport_url import Node, transport_url
from vimesh.domain.errors import BadSetting

_DOCS = Path(__file__).parents[3] / "docs/using/bridge-options.md"
_URL = "transport_url = rabbit://openstack:se$$cret@one:5673,openstack:se$$cret@two/nova"


def conf(folder: Path, default: str = _URL, rabbit: str = "", name: str = "tacker.conf") -> Path:
    file = folder / name
    file.write_text(f"[DEFAULT]\n{default}\n[{GROUP}]\n{rabbit}\n")
    return file


def read(folder: Path, default: str = _URL, rabbit: str = "") -> Deployment:
    return deployment(None, [conf(folder, default, rabbit)])


def rabbit_options() -> dict[str, object]:
    """Return oslo.messaging's own options of the group by name."""
    _, listed = _libraries()
    return {option.name: option for group, options in listed if group == GROUP for option in options}


def test_every_option_of_the_driver_is_taken_or_ignored_for_a_reason() -> None:
    taken = {each.name for each in fields(RabbitOptions)}

    assert taken | IGNORED.keys() == rabbit_options().keys()
    assert not taken & IGNORED.keys()
    assert all(IGNORED.values())


def test_defaults_are_those_of_oslo_messaging() -> None:
    theirs = rabbit_options()

    for each in fields(RabbitOptions):
        if each.default is not None:
            assert each.default == theirs[each.name].default, each.name  # type: ignore[attr-defined]  # no types


def test_login_methods_are_those_of_oslo_messaging() -> None:
    option = rabbit_options()["rabbit_login_method"]

    assert list(LOGIN_METHODS) == list(option.type.choices)  # type: ignore[attr-defined]  # no types


def test_the_page_of_options_names_each_once() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \|", _DOCS.read_text(), re.MULTILINE)

    assert sorted(rows) == sorted([*rabbit_options(), "transport_url", "control_exchange", "rpc_response_timeout"])


def test_a_file_says_where_the_broker_is(tmp_path: Path) -> None:
    found = read(tmp_path).transport

    assert found.nodes == (Node("one", 5673, "openstack", "se$cret"), Node("two", 5672, "openstack", "se$cret"))
    assert found.virtual_host == "nova"


def test_a_file_without_a_url_means_the_broker_of_this_machine(tmp_path: Path) -> None:
    assert read(tmp_path, "debug = true").transport.nodes == (Node("localhost"),)


def test_later_files_win_and_others_groups_and_options_do_not_matter(tmp_path: Path) -> None:
    first = conf(tmp_path, f"{_URL}\nbind_host = 1.2.3.4\n", "rabbit_quorum_queue = true\nheartbeat_rate = 9")
    second = tmp_path / "more.conf"
    second.write_text(f"[database]\nconnection = x\n[{GROUP}]\nrabbit_quorum_queue = false\namqp_durable_queues = on\n")

    found = deployment(None, [first, second])

    assert found.options == RabbitOptions(amqp_durable_queues=True)
    assert found.transport.virtual_host == "nova"


def test_a_url_given_by_flag_wins_and_its_query_wins_over_the_file(tmp_path: Path) -> None:
    file = conf(tmp_path, rabbit="rabbit_quorum_queue = true\nheartbeat_timeout_threshold = 20")

    found = deployment(transport_url("rabbit://other/?heartbeat_timeout_threshold=30"), [file])

    assert found.transport.places == "other:5672"
    assert found.options == RabbitOptions(rabbit_quorum_queue=True, heartbeat_timeout_threshold=30)


def test_the_query_of_the_files_own_url_wins_over_its_options(tmp_path: Path) -> None:
    found = read(tmp_path, "transport_url = rabbit://h/?amqp_durable_queues=false", "amqp_durable_queues = true")

    assert not found.options.amqp_durable_queues


def test_values_of_other_options_are_put_in_as_in_every_service(tmp_path: Path) -> None:
    found = read(tmp_path, "control_exchange = name\ntransport_url = rabbit://u:p@h/$control_exchange")

    assert found.transport.virtual_host == "name"


def test_names_of_old_files_count_unless_the_new_ones_stand_there(tmp_path: Path) -> None:
    old = read(tmp_path, rabbit="rabbit_durable_queues = true\nkombu_ssl_version = TLSv1_2\nkombu_ssl_ca_certs = /ca")
    new = read(tmp_path, rabbit="rabbit_durable_queues = true\namqp_durable_queues = false")

    assert old.options == RabbitOptions(amqp_durable_queues=True, ssl_version="TLSv1_2", ssl_ca_file="/ca")
    assert new.options == RabbitOptions()


def test_variables_count_as_in_every_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_DEFAULT__TRANSPORT_URL", "rabbit://elsewhere/")
    monkeypatch.setenv("OS_OSLO_MESSAGING_RABBIT__HEARTBEAT_TIMEOUT_THRESHOLD", "7")

    found = read(tmp_path)

    assert found.transport.places == "elsewhere:5672"
    assert found.options.heartbeat_timeout_threshold == 7


def test_limits_are_those_of_the_file_and_else_the_bridges_own(tmp_path: Path) -> None:
    said = (
        "heartbeat_timeout_threshold = 0\nrabbit_retry_interval = 2\nrabbit_interval_max = 9\nkombu_reconnect_delay = 3"
    )

    given, own = limits_from(read(tmp_path, rabbit=said).options), limits_from(read(tmp_path).options)

    assert (given.heartbeat_s, given.first_pause_s, given.longest_pause_s, given.least_pause_s) == (0, 2, 9, 3)
    assert (own.heartbeat_s, own.first_pause_s, own.longest_pause_s, own.least_pause_s) == (10, 0.2, 5, 0)
    assert read(tmp_path, f"{_URL}\nrpc_response_timeout = 180").rpc_response_timeout_s == 180
    assert read(tmp_path).rpc_response_timeout_s is None


def test_what_is_in_force_is_shown_without_secrets(tmp_path: Path) -> None:
    shown = describe_settings(read(tmp_path, rabbit="rabbit_quorum_queue = true\nrabbit_quorum_delivery_limit = 5"))

    assert "cret" not in str(shown)
    assert "openstack" not in str(shown)
    assert (shown["broker"], shown["durable"]) == ("one:5673,two:5672", True)
    assert shown["queue_arguments"] == "x-queue-type=quorum,x-delivery-limit=5"
    assert shown["config_files"] == str(tmp_path / "tacker.conf")


@pytest.mark.parametrize(
    ("default", "rabbit", "says"),
    [
        (_URL, "rabbit_quorum_queue = maybe", "rabbit_quorum_queue"),
        (_URL, "heartbeat_timeout_threshold = soon", "heartbeat_timeout_threshold"),
        (_URL, "rabbit_quorum_queue = true\nrabbit_ha_queues = true", "are mutually exclusive"),
        (_URL, "rabbit_quorum_queue = true\namqp_auto_delete = true", "are mutually exclusive"),
        (_URL, "ssl_ca_file = $nothing", "ssl_ca_file has a $ that does not begin the name"),
        (_URL, "rabbit_stream_fanout = true", "rabbit_stream_fanout needs"),
        (_URL, "rabbit_login_method = RABBIT-CR-DEMO", "RABBIT-CR-DEMO is a demonstration"),
        (_URL, "ssl = true\nssl_version = SSLv3", "ssl_version 'SSLv3' is not offered"),
        (_URL, "ssl = true\nssl_ca_file = /none.pem", "ssl_ca_file /none.pem cannot be read: No such file"),
        (_URL, "ssl = true\nssl_cert_file = /none.pem", "ssl_cert_file /none.pem cannot be read: No such file"),
        (_URL, "ssl = true\nssl_key_file = /none.pem", "ssl_key_file needs ssl_cert_file"),
        ("transport_url = rabbit://u:12/cret@h/", "", "transport_url has an @ after the hosts"),
        ("transport_url = kafka://u:cret@h/", "", "transport_url must be like"),
        ("transport_url = rabbit://u:cret@h/?nonsense=1", "", "the option 'nonsense' is not known"),
        ("transport_url = rabbit://u:x$cret@h/", "", "transport_url has a $ that does not begin the name of"),
        ("\ntransport_url\nse cret", "", "tacker.conf: line 3 is neither"),
    ],
)
def test_what_cannot_be_in_force_is_refused_with_its_name(tmp_path: Path, default: str, rabbit: str, says: str) -> None:
    with pytest.raises(BadSetting, match=re.escape(says)) as refused:
        read(tmp_path, default, rabbit)

    assert "cret" not in str(refused.value)
    assert "--config-file" in str(refused.value)


def test_a_missing_package_is_named_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "oslo_messaging.opts", None)

    with pytest.raises(BadSetting, match=re.escape("not installed (oslo_messaging.opts): pip install '.[cli,bridge]'")):
        read(tmp_path)


@pytest.mark.parametrize("name", ["none.conf", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadSetting, match="cannot be read: "):
        read_config_files([conf(tmp_path), tmp_path / name])


def test_the_command_tells_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    file = conf(tmp_path, rabbit="rabbit_quorum_queue = true\nrabbit_ha_queues = true")

    ended = Command(tmp_path)("bridge", "--config-file", str(file))
    missing = Command(tmp_path)("bridge", "--config-file", "none.conf")

    assert (ended.code, missing.code) == (1, 1)
    assert "--config-file: rabbit_quorum_queue and rabbit_ha_queues are mutually exclusive" in ended.err
    assert "--config-file: none.conf cannot be read: No such file or directory" in missing.err
