"""The compose file is valid, its parts find each other, and they run what vimesh has."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from tests.docs.shell_blocks import ROOT
from tests.installations.stopping import DRAINED, stopping_s
from tests.support.callers.command_lines import check_run, check_variables
from vimesh.envoy.envoy_binary import VERSION
from vimesh.envoy.fleet.fleet_file import parse
from vimesh.envoy.fleet.front_fleet import ClusterName

FOLDER = ROOT / "deploy/compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "VIMESH_IMAGE" in service["image"]]
_VARIABLE = re.compile(r"\$\{(\w+):([-?])([^}]*)\}")


def test_the_specification_allows_it() -> None:
    assert set(_specified({}).service_names()) == set(SERVICES)


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"restart": "sometimes"}, "`sometimes`"),
        ({"cap_dropp": ["ALL"]}, "`cap_dropp`"),
        ({"command": 7}, "`7`"),
        ({"depends_on": {"front": {"condition": "healthy"}}}, "`healthy`"),
    ],
    ids=["value", "key", "type", "condition"],
)
def test_the_specification_allows_no_mistake(mistake: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _specified(mistake)


def _specified(more: dict[str, object]) -> PyCompose:
    """Read the file as the Compose Specification has it, with variables as a shell would give them."""
    services = {**SERVICES, "api": {**SERVICES["api"], **more}}
    text = _VARIABLE.sub(
        lambda found: found[3] if found[2] == "-" else "given", json.dumps({**COMPOSE, "services": services})
    )
    return PyCompose.from_json(text)


def test_there_is_a_service_for_each_process() -> None:
    assert set(SERVICES) == {
        "postgres",
        "tables",
        "conductor",
        "render",
        "front",
        "monitor",
        "api",
        "notifier",
        "console",
    }
    assert SERVICES["conductor"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_of_vimesh_with_settings_that_exist(name: str) -> None:
    check_run(SERVICES[name]["command"])
    check_variables(SERVICES[name].get("environment", {}))


@pytest.mark.parametrize("name", [*OURS, "front"])
def test_a_service_may_do_little(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_whoever_waits_waits_for_something_that_is_there() -> None:
    for service in SERVICES.values():
        waits = service.get("depends_on", {})
        assert set(waits) <= set(SERVICES)
        for other, how in waits.items() if isinstance(waits, dict) else ():
            once = how["condition"] == "service_completed_successfully"
            assert once == ("restart" not in SERVICES[other])
            assert once or "healthcheck" in SERVICES[other]


def test_processes_find_each_other() -> None:
    fleet = parse((FOLDER / "fleet.yaml").read_text())
    conductor = SERVICES["conductor"]["environment"]

    assert fleet.conductors == ClusterName("conductor", 7601, 7701)
    assert fleet.api == ClusterName("api", 7602)
    assert fleet.console == ClusterName("console", 7603)
    assert conductor["VIMESH_CONDUCTOR_LISTEN"] == f"0.0.0.0:{fleet.conductors.port}"
    assert conductor["VIMESH_CONDUCTOR_HEALTH_LISTEN"] == f"0.0.0.0:{fleet.conductors.health_port}"
    assert SERVICES["api"]["environment"]["VIMESH_API_LISTEN"] == f"0.0.0.0:{fleet.api.port}"
    assert SERVICES["console"]["environment"]["VIMESH_CONSOLE_LISTEN"] == f"0.0.0.0:{fleet.console.port}"
    assert str(fleet.reports) == "0.0.0.0:7605"
    assert {SERVICES[name]["environment"]["VIMESH_ADDRESS"] for name in ("monitor", "api", "notifier", "console")} == {
        "front:7605"
    }


def test_only_loopback_leads_to_a_fleet_that_trusts_everybody() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert ports == ["127.0.0.1:7600:7600"]


def test_the_front_reads_what_was_rendered() -> None:
    render, front = SERVICES["render"], SERVICES["front"]
    output = render["command"][render["command"].index("--output") + 1]

    assert front["command"][front["command"].index("--config-path") + 1] == f"{output}/bootstrap.yaml"
    assert {volume.removesuffix(":ro") for volume in front["volumes"]} == set(render["volumes"])
    assert f"distroless-v{VERSION}" in front["image"]


def test_what_services_name_is_declared() -> None:
    for service in SERVICES.values():
        assert {volume.partition(":")[0] for volume in service.get("volumes", ())} <= set(COMPOSE["volumes"])
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
        assert {one["source"] for one in service.get("configs", ())} <= set(COMPOSE["configs"])
    assert all((FOLDER / config["file"]).is_file() for config in COMPOSE["configs"].values())


def test_only_conductors_know_the_database() -> None:
    knowing = {name for name in OURS if "VIMESH_DATABASE_URL" in SERVICES[name].get("environment", {})}

    assert knowing == {"conductor", "tables"}
    [(name, kind, _)] = _VARIABLE.findall(SERVICES["conductor"]["environment"]["VIMESH_DATABASE_URL"])
    assert (name, kind) == ("VIMESH_DATABASE_PASSWORD", "?")


@pytest.mark.parametrize("part", DRAINED)
def test_what_serves_has_the_time_to_drain(part: str) -> None:
    assert float(SERVICES[part]["stop_grace_period"].removesuffix("s")) > stopping_s(part)
