from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import yaml
from google.api import annotations_pb2

from vimesh.envoy.bootstrap import bootstrap
from vimesh.envoy.doors.json_door import JSON_PATHS
from vimesh.envoy.fleet.cluster_endpoints import endpoints
from vimesh.envoy.fleet.front_fleet import ClusterHost, FrontFleet, ListenAddress
from vimesh.envoy.routes import routes
from vimesh.v1 import (
    access_service_pb2,
    availability_service_pb2,
    conductor_service_pb2,
    fleet_service_pb2,
    history_service_pb2,
    maintenance_service_pb2,
    receiver_service_pb2,
    vim_service_pb2,
    workflow_service_pb2,
)

_ID = re.compile(r"\{[a-z]+_id\}")
ONE = (ClusterHost(ListenAddress("127.0.0.1", 7611)),)
SERVICES = [
    *vim_service_pb2.DESCRIPTOR.services_by_name.values(),
    *conductor_service_pb2.DESCRIPTOR.services_by_name.values(),
    *workflow_service_pb2.DESCRIPTOR.services_by_name.values(),
]


def route_of(path: str) -> dict[str, object]:
    """Return what the first route does that takes a well-formed gRPC call of this path."""
    for route in routes(FrontFleet(ONE), "/d"):
        match = route["match"]
        assert isinstance(match, dict)
        if "direct_response" in route:
            continue  # a refusal
        if match.get("path") == path or ("prefix" in match and path.startswith(match["prefix"])):
            taken = route.get("route", {})
            assert isinstance(taken, dict)
            return taken
    raise AssertionError(path)


def retry_on(path: str) -> str:
    policy = route_of(path)["retry_policy"]
    assert isinstance(policy, dict)
    return str(policy["retry_on"])


def test_conductors_are_not_in_the_bootstrap() -> None:
    other = (
        ClusterHost(ListenAddress("10.0.0.9", 1)),
        ClusterHost(ListenAddress("10.0.0.10", 2), ListenAddress("10.0.0.10", 3)),
    )

    assert bootstrap(FrontFleet(ONE), "/d") == bootstrap(FrontFleet(other), "/d")


def test_files_are_found_in_the_directory() -> None:
    text = yaml.safe_dump(bootstrap(FrontFleet(ONE, api=ONE), "/etc/vimesh"))

    names = ("conductors.yaml", "api.yaml", "contract.binpb", "openapi.json")
    assert all(f"/etc/vimesh/{name}\n" in text for name in names)


def test_without_api_processes_there_is_no_way_to_them() -> None:
    assert "/v1.0/" not in yaml.safe_dump(bootstrap(FrontFleet(ONE), "/d"))
    assert "/v1.0/" in yaml.safe_dump(bootstrap(FrontFleet(ONE, api=ONE), "/d"))


def test_the_admin_interface_is_off_unless_asked_for() -> None:
    assert "admin" not in bootstrap(FrontFleet(ONE), "/d")
    assert bootstrap(FrontFleet(ONE, admin=Path("/run/a")), "/d")["admin"] == {
        "address": {"pipe": {"path": "/run/a", "mode": 0o600}}
    }


def test_watches_have_no_end_and_every_other_call_has() -> None:
    for service in SERVICES:
        for method in service.methods:
            timeout = route_of(f"/{service.full_name}/{method.name}")["timeout"]
            assert (timeout == "0s") is method.server_streaming, method.full_name


def test_what_changes_a_vim_is_repeated_only_if_nobody_began_it() -> None:
    for name in ("RegisterVim", "ModifyVim", "DeregisterVim"):
        assert retry_on(f"/vimesh.v1.VimService/{name}") == "connect-failure,refused-stream"
    assert retry_on("/vimesh.v1.WorkflowService/ClaimWorkflowTasks") == "connect-failure,refused-stream"


def test_reports_and_reads_are_repeated_once_whatever_happened() -> None:
    for path in (
        "vimesh.v1.ConductorService/UpdateVim",
        "vimesh.v1.ConductorService/UpdateVims",
        "vimesh.v1.ConductorService/ReportConditions",
        "vimesh.v1.ConductorService/ConfirmFailures",
        "vimesh.v1.ConductorService/GetVimCredentials",
        "vimesh.v1.VimService/GetVim",
        "vimesh.v1.VimService/ListVims",
        "vimesh.v1.VimService/ListVimEvents",
        "vimesh.v1.VimService/SummarizeVims",
        "vimesh.v1.WorkflowService/FinishWorkflowTask",
        "grpc.health.v1.Health/Check",
    ):
        assert retry_on(f"/{path}") == "connect-failure,refused-stream,unavailable,reset"
        assert route_of(f"/{path}")["retry_policy"]["num_retries"] == 1  # type: ignore[index]  # it is a mapping


def test_a_try_has_no_time_of_its_own() -> None:
    assert "per_try" not in yaml.safe_dump(bootstrap(FrontFleet(ONE, api=ONE, reports=Path("/run/r")), "/d"))


def test_each_call_belongs_to_a_class() -> None:
    classes = {
        f"/{service.full_name}/{method.name}": route_of(f"/{service.full_name}/{method.name}")["cluster"]
        for service in SERVICES
        for method in service.methods
    }

    assert [path.rpartition("/")[2] for path, name in classes.items() if name == "reports"] == ["UpdateVim"]
    # No status waits for a login.
    others = ("/UpdateVim", "/GetVimCredentials")
    assert {path for path, name in classes.items() if name == "monitors"} == {
        path for path in classes if not path.startswith("/vimesh.v1.VimService/") and not path.endswith(others)
    }
    assert [path.rpartition("/")[2] for path, name in classes.items() if name == "watches"] == ["WatchVims"]
    assert [path.rpartition("/")[2] for path, name in classes.items() if name == "reads"] == [
        *("GetVim", "ProbeVim", "ExplainVim", "GetVimCredentials"),
    ]
    assert {path.rpartition("/")[2] for path, name in classes.items() if name == "lists"} == {
        *("ListVims", "ListVimEvents", "SummarizeVims", "BatchGetVims"),
    }
    assert route_of("/grpc.health.v1.Health/Check")["cluster"] == "reads"
    assert route_of("/grpc.health.v1.Health/Watch")["cluster"] == "watches"


def test_the_classes_share_one_endpoint_file_and_no_limit() -> None:
    static = bootstrap(FrontFleet(ONE), "/d")["static_resources"]
    assert isinstance(static, dict)
    clusters = {cluster["name"]: cluster for cluster in static["clusters"]}

    assert set(clusters) == {"reports", "monitors", "changes", "reads", "lists", "watches"}
    for cluster in clusters.values():
        found = cluster["eds_cluster_config"]
        assert (found["service_name"], found["eds_config"]["path_config_source"]["path"]) == (
            *("conductors", "/d/conductors.yaml"),
        )
        assert cluster["common_lb_config"] == {"healthy_panic_threshold": {"value": 50}, "update_merge_window": "0s"}
        least = {"lists": 64, "changes": 192}.get(str(cluster["name"]), 500)
        assert cluster["circuit_breakers"]["thresholds"][0]["max_requests"] >= least


def test_the_json_paths_are_those_of_the_contract() -> None:
    found = set()
    vims = vim_service_pb2.DESCRIPTOR.services_by_name["VimService"]
    access = access_service_pb2.DESCRIPTOR.services_by_name["AccessService"]
    fleet = fleet_service_pb2.DESCRIPTOR.services_by_name["FleetService"]
    availability = availability_service_pb2.DESCRIPTOR.services_by_name["AvailabilityService"]
    history = history_service_pb2.DESCRIPTOR.services_by_name["HistoryService"]
    maintenance = maintenance_service_pb2.DESCRIPTOR.services_by_name["MaintenanceService"]
    receivers = receiver_service_pb2.DESCRIPTOR.services_by_name["ReceiverService"]
    services = (vims, access, fleet, maintenance, availability, history, receivers)
    for method in chain.from_iterable(service.methods for service in services):
        rule = method.GetOptions().Extensions[annotations_pb2.http]
        for binding in chain([rule] if rule.WhichOneof("pattern") else [], rule.additional_bindings):
            verb = str(binding.WhichOneof("pattern"))
            path = _ID.sub("[^/]+", getattr(binding, verb))
            found.add((path, verb.upper()))

    assert found == {(path, method) for path, methods in JSON_PATHS for method in methods}


def test_an_endpoint_file_names_each_host() -> None:
    hosts = [
        ClusterHost(ListenAddress("127.0.0.1", 1)),
        ClusterHost(ListenAddress("fd00::2", 2), ListenAddress("fd00::2", 3)),
        ClusterHost(ListenAddress("fd00::2", 4), ListenAddress("fd00::3", 4)),
        ClusterHost(Path("/run/one.sock"), Path("/run/one.health.sock")),
    ]

    assert endpoints("conductors", hosts) == {
        "resources": [
            {
                "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
                "cluster_name": "conductors",
                "endpoints": [
                    {
                        "lb_endpoints": [
                            {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 1}}}},
                            {
                                "endpoint": {
                                    "address": {"socket_address": {"address": "fd00::2", "port_value": 2}},
                                    "health_check_config": {"port_value": 3},
                                }
                            },
                            {
                                "endpoint": {
                                    "address": {"socket_address": {"address": "fd00::2", "port_value": 4}},
                                    "health_check_config": {
                                        "address": {"socket_address": {"address": "fd00::3", "port_value": 4}}
                                    },
                                }
                            },
                            {
                                "endpoint": {
                                    "address": {"pipe": {"path": "/run/one.sock"}},
                                    "health_check_config": {"address": {"pipe": {"path": "/run/one.health.sock"}}},
                                }
                            },
                        ]
                    }
                ],
                "policy": {"overprovisioning_factor": 400},
            }
        ]
    }


def test_routes_lead_to_clusters_or_on_purpose_nowhere() -> None:
    """Envoy does not look: one of the routes leads to a cluster that must not exist."""
    everything = FrontFleet(ONE, api=ONE, origins=("https://console.example",), hosts=("a",), connect=True)
    static = bootstrap(everything, "/d")["static_resources"]
    assert isinstance(static, dict)
    clusters = {cluster["name"] for cluster in static["clusters"]}
    actions = [route["route"] for route in routes(everything, "/d") if "route" in route]
    named = {action["cluster"] for action in actions if isinstance(action, dict)}

    assert named - clusters == {"nowhere"}
