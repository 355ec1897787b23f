"""The manifests are valid, fit each other, and run what vimesh has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.docs.shell_blocks import ROOT
from tests.installations.kubernetes_manifests import (
    COMPONENT,
    FLEET_FILE,
    FOLDER,
    MANIFESTS,
    WORKLOADS,
    Manifest,
    built,
    component_of,
    containers_of,
    name_of,
    of_kind,
    overlay,
    pod_of,
    ports_of,
)
from tests.installations.stopping import DRAINED, stopping_s
from tests.supply.locks import PROJECT
from tests.support.callers.command_lines import check_run, check_variables
from vimesh.envoy.envoy_binary import VERSION
from vimesh.envoy.fleet.fleet_file import parse
from vimesh.envoy.fleet.front_fleet import ClusterName, ListenAddress
from vimesh.envoy.traffic.overload import MAX_HEAP_BYTES
from vimesh.rpc.ports.health_port import LIVE

PAGE = ROOT / "docs/operating/kubernetes.md"
KUBERNETES = "1.31"
"""The oldest version whose schemas the manifests are checked against."""
_SECRET = re.compile(r"^kubectl create secret generic (\S+) ", re.MULTILINE)
_INDEX = re.compile(r"\$\(INDEX\)")
_EACH = pytest.mark.parametrize("workload", of_kind(*WORKLOADS), ids=name_of)
_PROCESSES = [one for one in of_kind("Deployment", "StatefulSet") if component_of(one) != "front"]
_WHOLE = "resources: [../base]\ncomponents: [../bridge]\n"


@pytest.mark.parametrize("folder", ["base", "tables"])
def test_kustomize_builds_what_kubernetes_takes(folder: str) -> None:
    _validate(built(FOLDER / folder))


def test_an_overlay_may_add_the_bridge(tmp_path: Path) -> None:
    manifests = built(overlay(tmp_path, _WHOLE))

    _validate(manifests)
    assert "bridge" in {name_of(one) for one in manifests if one["kind"] == "StatefulSet"}
    images = {container["image"] for one in manifests if one["kind"] in WORKLOADS for container in containers_of(one)}
    assert images == {f"registry.example/vimesh:{PROJECT['project']['version']}", _envoy_image()}
    assert all(one["metadata"].get("namespace", "vimesh") == "vimesh" for one in manifests)


def _validate(manifests: list[Manifest]) -> None:
    assert manifests
    for manifest in manifests:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_a_manifest_with_a_mistake_is_noticed() -> None:
    [service] = [one for one in of_kind("Service") if name_of(one) == "front"]

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**service, "spec": {**service["spec"], "port": 1}}, KUBERNETES, strict=True)


@pytest.mark.parametrize("folder", ["base", "bridge", "tables"])
def test_images_are_those_of_this_version(folder: str) -> None:
    images = {
        one["name"]: one for one in yaml.safe_load((FOLDER / folder / "kustomization.yaml").read_text())["images"]
    }

    assert images["vimesh"]["newTag"] == PROJECT["project"]["version"]
    assert "envoy" not in images or f"{images['envoy']['newName']}:{images['envoy']['newTag']}" == _envoy_image()


def _envoy_image() -> str:
    return f"docker.io/envoyproxy/envoy:distroless-v{VERSION}"


@_EACH
def test_a_container_runs_a_command_of_vimesh_with_settings_that_exist(workload: Manifest) -> None:
    ours = [container for container in containers_of(workload) if container["image"] == "vimesh"]

    assert ours
    for container in ours:
        check_run(container["args"])
        check_variables(
            {one["name"]: _INDEX.sub("0", one["value"]) for one in container.get("env", ()) if "value" in one}
        )
        check_variables({one["name"]: "" for one in container.get("env", ())})


@_EACH
def test_a_container_may_do_little(workload: Manifest) -> None:
    pod = pod_of(workload)

    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod["automountServiceAccountToken"]
    for container in containers_of(workload):
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} == set(container["resources"]["requests"])


@_EACH
def test_what_is_mounted_is_there(workload: Manifest) -> None:
    pod = pod_of(workload)
    claims = {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", ())}
    volumes = {volume["name"] for volume in pod.get("volumes", ())} | claims
    mounted = {mount["name"] for container in containers_of(workload) for mount in container.get("volumeMounts", ())}

    assert mounted == volumes
    for container in containers_of(workload):
        paths = [mount["mountPath"] for mount in container.get("volumeMounts", ())]
        files = [one.get("value", "") for one in container.get("env", ()) if str(one.get("value", "")).startswith("/")]
        assert all(any(file == path or file.startswith(f"{path}/") for path in paths) for file in files)


@_EACH
def test_a_selector_selects_its_own_pods(workload: Manifest) -> None:
    labels = {COMPONENT: component_of(workload)}

    assert workload["spec"].get("selector", {"matchLabels": labels}) == {"matchLabels": labels}


def test_no_secret_is_in_a_file_and_the_page_makes_each() -> None:
    assert not of_kind("Secret")
    assert set(_secrets(MANIFESTS)) == set(_SECRET.findall(PAGE.read_text()))


def _secrets(value: Any) -> list[str]:  # noqa: ANN401 - any part of a document
    """Return the names of Secrets that are referred to anywhere in a document."""
    if isinstance(value, list):
        return [name for one in value for name in _secrets(one)]
    if not isinstance(value, dict):
        return []
    own = [value["secret"]["secretName"]] if "secret" in value else []
    own += [value["secretKeyRef"]["name"]] if "secretKeyRef" in value else []
    return own + [name for one in value.values() for name in _secrets(one)]


def test_services_lead_to_pods_that_listen() -> None:
    for service in of_kind("Service"):
        listening = ports_of(service["spec"]["selector"][COMPONENT])
        assert {port["port"] for port in service["spec"]["ports"]} <= listening, name_of(service)


def test_processes_and_fronts_find_each_other() -> None:
    services = {name_of(one): one["spec"] for one in of_kind("Service")}
    fleet = parse(FLEET_FILE.read_text())
    addresses = {
        one["value"]
        for workload in of_kind(*WORKLOADS)
        for container in containers_of(workload)
        for one in container.get("env", ())
        if one["name"] == "VIMESH_ADDRESS"
    }

    assert addresses == {"front-reports:7605"}
    assert isinstance(fleet.conductors, ClusterName)
    assert isinstance(fleet.api, ClusterName)
    assert isinstance(fleet.console, ClusterName)
    for host, ports in {
        "front-reports": {7605},
        fleet.conductors.name: {fleet.conductors.port, fleet.conductors.health_port},
        fleet.api.name: {fleet.api.port},
        fleet.console.name: {fleet.console.port},
    }.items():
        assert {port["port"] for port in services[host]["ports"]} == ports
    # Envoy has to see each pod: behind an address of the Service, all calls of a connection would go to one of them.
    for each in (fleet.conductors, fleet.api, fleet.console):
        assert services[each.name]["clusterIP"] == "None"
    assert isinstance(fleet.reports, ListenAddress)
    assert {fleet.front.port, fleet.reports.port} == ports_of("front")


def test_policies_let_in_what_has_to_come_in() -> None:
    policies = {name_of(one): one["spec"] for one in of_kind("NetworkPolicy")}
    opened = {
        spec["podSelector"]["matchLabels"][COMPONENT]: {
            port["port"] for rule in spec["ingress"] for port in rule["ports"]
        }
        for spec in policies.values()
        if spec["podSelector"]
    }

    assert policies["nothing-comes-in"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    assert opened == {"front": {7600, 7605}, "conductor": {7601, 7701}, "api": {7602}, "console": {7603}}
    assert all(ports <= ports_of(component) for component, ports in opened.items())


def test_a_drained_node_takes_one_pod_at_a_time() -> None:
    budgets = {one["spec"]["selector"]["matchLabels"][COMPONENT]: one["spec"] for one in of_kind("PodDisruptionBudget")}

    assert set(budgets) == {"api", "conductor", "console", "front"}
    for component in budgets:
        [workload] = [one for one in of_kind("Deployment") if component_of(one) == component]
        assert workload["spec"]["replicas"] > budgets[component]["maxUnavailable"]
        [term] = pod_of(workload)["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        assert term["podAffinityTerm"]["labelSelector"] == {"matchLabels": {COMPONENT: component}}


def test_a_pod_that_stops_has_the_time_for_it() -> None:
    deployments = {name_of(one): one for one in of_kind("Deployment")}
    front = deployments["front"]
    [envoy] = pod_of(front)["containers"]

    for part in DRAINED:
        assert pod_of(deployments[part])["terminationGracePeriodSeconds"] > stopping_s(part)
    assert pod_of(front)["terminationGracePeriodSeconds"] > envoy["lifecycle"]["preStop"]["sleep"]["seconds"]


def test_envoy_refuses_calls_before_it_is_killed_for_its_memory() -> None:
    [front] = [one for one in of_kind("Deployment") if name_of(one) == "front"]
    [envoy] = pod_of(front)["containers"]

    assert int(envoy["resources"]["limits"]["memory"].removesuffix("Mi")) << 20 > MAX_HEAP_BYTES


@pytest.mark.parametrize("workload", _PROCESSES, ids=name_of)
def test_a_process_is_asked_where_it_answers_without_tls(workload: Manifest) -> None:
    [container] = pod_of(workload)["containers"]
    variables = {one["name"]: one.get("value", "") for one in container["env"]}
    restarting = [container[name]["grpc"] for name in ("startupProbe", "livenessProbe")]

    assert variables["VIMESH_PROBE_LISTEN"] == "0.0.0.0:7801"
    assert restarting == [{"port": 7801, "service": LIVE}] * 2
    assert container.get("readinessProbe", {"grpc": {"port": 7801}})["grpc"] == {"port": 7801}
