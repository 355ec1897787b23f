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

from tests.support.actions import action, quick_policy
from vimesh.engine.workflow import ACTION, LEGACY_ACTION, PingInput, definition
from vimesh.monitor.mistral_action import VimPingAction
from vimesh.monitor.ping_order import BadOrder, action_of

ORDER = PingInput.of(action("http://10.0.0.1:5000/v3")).inputs()
PATIENT = action("http://10.0.0.1:5000/v3", quick_policy(fail_for_s=6.5))


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
    assert [(line["log_level"], line["vim_id"]) for line in logs] == [("error", "vim")]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"vim_id": ""}, "no action_id"),
        ({"method": None}, "method: must be one of PING, TCP, HTTP"),
        ({"auth_url": None}, "auth_url: must start with"),
        ({"probe_interval_s": "10"}, "probe_interval_s: must be a number above 0, not '10'"),
        ({"probe_timeout_s": float("nan")}, "probe_timeout_s: must be a number above 0"),
        ({"fail_for_s": -0.5}, "fail_for_s: must be a number from 0 on, not -0.5"),
        ({"fail_for_s": float("nan")}, "fail_for_s: must be a number from 0 on"),
        ({"fail_for_s": float("inf")}, "fail_for_s: must be a number from 0 on"),
        ({"fail_for_s": "6"}, "fail_for_s: must be a number from 0 on, not '6'"),
        ({"fail_for_s": True}, "fail_for_s: must be a number from 0 on, not True"),
        ({"fall": 0}, "fall: must be a whole number from 1 on, not 0"),
        ({"rise": True}, "rise: must be a whole number from 1 on, not True"),
        ({"observation": 0.5}, "observation: must be a whole number from 0 on"),
    ],
)
def test_an_input_that_makes_no_sense_is_named(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(BadOrder, match=says):
        action_of({**ORDER, **wrong})
