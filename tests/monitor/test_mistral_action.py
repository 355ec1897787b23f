"""The action as Mistral's engine makes it, and as its executor makes it again."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from dataclasses import fields
from importlib import metadata
from types import SimpleNamespace

import pytest
from mistral_lib.actions import Result
from mistral_lib.serialization import get_polymorphic_serializer
from structlog.testing import capture_logs

from tests.support.probers.actions import action, id_of, quick_policy
from vimesh.engine.workflow import ACTION, LEGACY_ACTION, PingInput, definition
from vimesh.monitor.executor.action_inputs import BadOrder, action_of
from vimesh.monitor.mistral_action import VimPingAction

VIM_ID = id_of("vim")
ORDER = PingInput.of(action("http://10.0.0.1:5000/v3", vim_id=VIM_ID)).inputs()
PATIENT = action("http://10.0.0.1:5000/v3", quick_policy(fail_for_s=6.5), vim_id=VIM_ID, vim_type="")


def test_its_inputs_are_those_that_a_workflow_gives() -> None:
    accepted = list(inspect.signature(VimPingAction.__init__).parameters)[1:]
    told = PingInput.of(PATIENT).inputs()
    given = definition("vim", told)

    assert accepted == [field.name for field in fields(PingInput)] == list(told)
    assert all(f"{name}: <% $.ping_vim.{name} %>" in given for name in accepted)


def test_an_earlier_plugin_is_told_no_input_that_it_does_not_know() -> None:
    assert set(PingInput.of(PATIENT).inputs()) - set(ORDER) == {"fail_for_s"}
    assert definition("vim", ORDER) == definition("vim")
    assert "fail_for_s" not in definition("vim")


def test_it_does_what_engines_of_other_versions_hand_it() -> None:
    assert action_of(ORDER).policy.fail_for_s == 0
    assert action_of({**PingInput.of(PATIENT).inputs(), "of_a_later_version": 1}) == PATIENT


def test_both_names_are_installed() -> None:
    found = {point.name: point.load() for point in metadata.entry_points(group="mistral.actions")}

    assert {name: found.get(name) for name in (ACTION, LEGACY_ACTION)} == dict.fromkeys(found, VimPingAction)


def test_it_travels_from_the_engine_to_the_executor() -> None:
    made = VimPingAction(**PingInput.of(PATIENT).inputs())  # type: ignore[arg-type]  # values by name
    serializer = get_polymorphic_serializer()

    arrived = serializer.deserialize(serializer.serialize(made))

    assert type(arrived).__name__ == "VimPingAction"
    assert action_of(arrived.inputs) == PATIENT
    assert not arrived.is_sync()
    json.dumps(vars(made))


def test_importing_it_brings_in_nothing_heavy() -> None:
    heavy = "{'grpc', 'google.protobuf', 'asyncio'} & set(sys.modules)"
    script = f"import sys, vimesh.monitor.mistral_action; sys.exit(str({heavy} or ''))"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)

    assert done.stderr.strip() == ""


def test_what_an_old_tacker_put_into_its_workflows_fails_with_advice() -> None:
    old = VimPingAction(count="1", timeout="1", interval="1", targetip="10.0.0.1", vim_id="vim")

    with capture_logs() as logs:
        result = old.run(SimpleNamespace(execution=SimpleNamespace(action_execution_id="execution")))

    assert isinstance(result, Result)
    assert result.error.startswith("ping action cannot run: no action_id: the workflow was not made by this version")
    assert [(line["log_level"], line["vim_id"]) for line in logs] == [("error", "'vim'")]


def nested(levels: int) -> object:
    value: object = []
    for _ in range(levels):
        value = [value]
    return value


HUGE = 10**400
UNWRITABLE = 10**5000

WRONG: list[tuple[dict[str, object], str]] = [
    ({"vim_id": ""}, "no action_id"),
    ({"vim_id": None}, "no action_id"),
    ({"vim_id": {}}, "vim_id: must be a UUID, not an object"),
    ({"vim_id": "vim"}, "vim_id: must be a UUID, not 'vim'"),
    ({"vim_id": HUGE}, "vim_id: must be a UUID, not a number of 1329 bits"),
    ({"vim_id": nested(5000)}, "vim_id: must be a UUID, not a list"),
    ({"action_id": 7}, "action_id: must be 1 to 255 printable characters of ASCII, not 7"),
    ({"action_id": "\ud800"}, "action_id: must be 1 to 255 printable characters of ASCII, not '\\ud800'"),
    ({"action_id": "a\0"}, "action_id: must be 1 to 255 printable characters of ASCII, not 'a\\x00'"),
    ({"action_id": "x" * 2**20}, "action_id: must be 1 to 255 printable characters of ASCII, not a string of 1048576"),
    ({"method": None}, "method: must be one of PING, TCP, HTTP, not None"),
    ({"method": []}, "method: must be one of PING, TCP, HTTP, not a list"),
    ({"method": "x" * 2**20}, "method: must be one of PING, TCP, HTTP, not a string of 1048576 characters"),
    ({"auth_url": None}, "auth_url: must be 1 to 2048 printable characters of ASCII, not None"),
    ({"auth_url": "ftp://10.0.0.1"}, "auth_url: must start with http:// or https://"),
    ({"auth_url": nested(5000)}, "auth_url: must be 1 to 2048 printable characters of ASCII, not a list"),
    ({"auth_url": "http://" + "x" * 2000}, "auth_url: 'xxx"),
    ({"probe_interval_s": "10"}, "probe_interval_s: must be a number from 0.5 to 3600, not '10'"),
    ({"probe_interval_s": -1}, "probe_interval_s: must be a number from 0.5 to 3600, not -1"),
    ({"probe_interval_s": HUGE}, "probe_interval_s: must be a number from 0.5 to 3600, not a number of 1329 bits"),
    (
        {"probe_interval_s": UNWRITABLE},
        "probe_interval_s: must be a number from 0.5 to 3600, not a number of 16610 bits",
    ),
    ({"probe_interval_s": 1e308}, "probe_interval_s: must be a number from 0.5 to 3600"),
    ({"probe_interval_s": 1e-9}, "probe_interval_s: must be a number from 0.5 to 3600"),
    ({"probe_timeout_s": float("nan")}, "probe_timeout_s: must be a number from 0.05 to 60, not nan"),
    ({"probe_timeout_s": float("inf")}, "probe_timeout_s: must be a number from 0.05 to 60, not inf"),
    ({"probe_timeout_s": {}}, "probe_timeout_s: must be a number from 0.05 to 60, not an object"),
    ({"probe_timeout_s": 0.5}, "probe_timeout_s: must be shorter than probe_interval_s: 0.5 s is not below 0.5 s"),
    ({"fail_for_s": -0.5}, "fail_for_s: must be a number from 0 to 3600, not -0.5"),
    ({"fail_for_s": float("nan")}, "fail_for_s: must be a number from 0 to 3600"),
    ({"fail_for_s": float("inf")}, "fail_for_s: must be a number from 0 to 3600"),
    ({"fail_for_s": "6"}, "fail_for_s: must be a number from 0 to 3600, not '6'"),
    ({"fail_for_s": True}, "fail_for_s: must be a number from 0 to 3600, not True"),
    ({"fall": 0}, "fall: must be a whole number from 1 to 10, not 0"),
    ({"fall": HUGE}, "fall: must be a whole number from 1 to 10, not a number of 1329 bits"),
    ({"rise": True}, "rise: must be a whole number from 1 to 10, not True"),
    ({"rise": 1.0}, "rise: must be a whole number from 1 to 10, not 1.0"),
    ({"tls_verify": "no"}, "tls_verify: must be true or false, not 'no'"),
    ({"observation": 0.5}, "observation: must be a whole number from 0 to 9223372036850581504, not 0.5"),
    ({"observation": 2**64 - 1}, "observation: must be a whole number from 0 to 9223372036850581504"),
]


@pytest.mark.parametrize(("wrong", "says"), WRONG)
def test_an_input_that_makes_no_sense_is_named(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(BadOrder) as caught:
        action_of({**ORDER, **wrong})

    assert str(caught.value).startswith(says)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "name", sorted(ORDER.keys() - {"vim_id", "action_id", "count", "timeout", "interval", "targetip"})
)
def test_an_input_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(BadOrder, match=name):
        action_of({other: value for other, value in ORDER.items() if other != name})


@pytest.mark.parametrize("inputs", [None, [], "x", dict.fromkeys(map(str, range(101)))])
def test_inputs_that_are_none_fail(inputs: object) -> None:
    with pytest.raises(BadOrder, match="must be an object of at most 100"):
        action_of(inputs)


def test_what_only_people_read_may_be_anything() -> None:
    odd: dict[str, object] = {"count": nested(900), "timeout": UNWRITABLE, "interval": "\ud800", "targetip": None}

    assert action_of({**ORDER, **odd}) == action_of(ORDER)


def test_the_engine_makes_an_action_of_whatever_it_is_given() -> None:
    made = VimPingAction(**{**ORDER, "auth_url": nested(5000)})  # type: ignore[arg-type]  # people may give it anything

    result = made.run(SimpleNamespace(execution=SimpleNamespace(action_execution_id="execution")))

    assert isinstance(result, Result)
    assert result.error.startswith("ping action cannot run: auth_url: must be 1 to 2048")
