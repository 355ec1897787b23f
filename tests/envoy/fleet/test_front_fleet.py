from __future__ import annotations

from pathlib import Path

import pytest

from vimesh.domain.errors import BadSetting
from vimesh.envoy.fleet.fleet_file import parse, read
from vimesh.envoy.fleet.front_fleet import ClusterHost, ClusterName, FrontFleet, FrontTracing, ListenAddress

ONE = "conductors: ['127.0.0.1:7611']\n"


def test_a_fleet_needs_nothing_but_a_conductor() -> None:
    assert parse(ONE) == FrontFleet(
        conductors=(ClusterHost(ListenAddress("127.0.0.1", 7611)),),
        api=(),
        front=ListenAddress("127.0.0.1", 7600),
        reports=None,
        admin=None,
        directory=None,
        access_log=None,
    )


def test_everything_can_be_said() -> None:
    fleet = parse("""
        front: {address: "::", port: 0}
        reports: {address: 10.0.0.9, port: 7602}
        admin: {socket: /run/vimesh/admin}
        conductors: ["10.0.0.1:7611", {address: "[fd00::2]:7611", health_port: 7711}]
        api: ["10.0.0.1:7621"]
        directory: /etc/vimesh/envoy
        access_log: /var/log/access.json
        cors: {origins: ["https://Console.example:443", "http://127.0.0.1:8080", "app://console"]}
        hosts: [mesh.example, front]
        http_1_0: true
        connect: true
        trusted_proxies: [10.0.0.2, 10.1.0.0/16, "fd00::/8"]
        tracing: {endpoint: "127.0.0.1:4317", sampling_percent: 0.5, callers: false}
    """)

    assert fleet == FrontFleet(
        conductors=(
            ClusterHost(ListenAddress("10.0.0.1", 7611)),
            ClusterHost(ListenAddress("fd00::2", 7611), ListenAddress("fd00::2", 7711)),
        ),
        api=(ClusterHost(ListenAddress("10.0.0.1", 7621)),),
        front=ListenAddress("::", 0),
        reports=ListenAddress("10.0.0.9", 7602),
        admin=Path("/run/vimesh/admin"),
        directory="/etc/vimesh/envoy",
        access_log="/var/log/access.json",
        origins=("https://console.example", "http://127.0.0.1:8080", "app://console"),
        hosts=("mesh.example", "front"),
        http_1_0=True,
        connect=True,
        trusted_proxies=("10.0.0.2/32", "10.1.0.0/16", "fd00::/8"),
        tracing=FrontTracing(ListenAddress("127.0.0.1", 4317), 0.5, callers=False),
    )
    assert isinstance(fleet.conductors, tuple)
    assert [str(host.address) for host in fleet.conductors] == ["10.0.0.1:7611", "[fd00::2]:7611"]


def test_processes_may_be_behind_a_name() -> None:
    fleet = parse("conductors: {name: 'conductor:7601', health_port: 7701}\napi: {name: 'api.vimesh.svc:7602'}")

    assert fleet.conductors == ClusterName("conductor", 7601, 7701)
    assert fleet.api == ClusterName("api.vimesh.svc", 7602)
    assert parse("conductors: {name: 'c:1'}").conductors == ClusterName("c", 1)


def test_the_admin_interface_may_take_any_free_port() -> None:
    assert parse(ONE + "admin: {port: 0}").admin == ListenAddress("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("", "fleet"),
        (ONE + "tracing: {}", "tracing.endpoint"),
        (ONE + "tracing: {endpoint: 'collector:4317'}", "tracing.endpoint"),
        (ONE + "tracing: {endpoint: '127.0.0.1:4317', sampling_percent: 101}", "tracing.sampling_percent"),
        (ONE + "tracing: {endpoint: '127.0.0.1:4317', sampling_percent: .nan}", "tracing.sampling_percent"),
        ("[1]", "fleet"),
        ("a: [", "fleet"),
        ("front: {}", "conductors"),
        ("conductors: []", "conductors"),
        ("conductors: 127.0.0.1:1", "conductors"),
        ("conductors: ['127.0.0.1:1', '127.0.0.1:1']", "conductors"),
        ("conductors: ['127.0.0.1']", "conductors[0]"),
        ("conductors: ['127.0.0.1:1', 'conductor-2:1']", "conductors[1]"),
        ("conductors: ['127.0.0.1:0']", "conductors[0]"),
        ("conductors: ['127.0.0.1:65536']", "conductors[0]"),
        ("conductors: {}", "conductors.name"),
        ("conductors: {name: c}", "conductors.name"),
        ("conductors: {name: 'c:0'}", "conductors.name"),
        ("conductors: {name: 'https://c:1'}", "conductors.name"),
        ("conductors: {name: 'c:1', health_port: 0}", "conductors.health_port"),
        ("conductors: {name: 'c:1', port: 2}", "conductors.port"),
        (ONE + "api: {name: 'a:1', health_port: 2}", "api.health_port"),
        (ONE + "api: ['x']", "api[0]"),
        (ONE + "conductor: []", "conductor"),
        (ONE + "front: 7600", "front"),
        (ONE + "front: {prot: 1}", "front.prot"),
        (ONE + "front: {port: -1}", "front.port"),
        (ONE + "front: {port: true}", "front.port"),
        (ONE + "front: {address: localhost}", "front.address"),
        (ONE + "admin: {address: 10.0.0.1, port: 1}", "admin.address"),
        (ONE + "admin: {}", "admin.port"),
        (ONE + "admin: {socket: a, port: 1}", "admin.socket"),
        (ONE + "admin: {socket: ''}", "admin.socket"),
        (ONE + "admin: {socket: }", "admin.socket"),
        (ONE + f"admin: {{socket: {'a' * 108}}}", "admin.socket"),
        (ONE + "reports: {}", "reports.port"),
        (ONE + "reports: {address: localhost, port: 1}", "reports.address"),
        (ONE + "reports: {socket: a, port: 1}", "reports.socket"),
        (ONE + f"reports: {{socket: {'a' * 108}}}", "reports.socket"),
        ("conductors: [{address: '127.0.0.1:1', health_port: 0}]", "conductors[0].health_port"),
        ("conductors: [{address: '127.0.0.1:1', port: 2}]", "conductors[0].port"),
        ("conductors: [{health_port: 1}]", "conductors[0].address"),
        ("conductors: ['127.0.0.1:1', {address: '127.0.0.1:1', health_port: 2}]", "conductors"),
        (ONE + "api: [{address: '127.0.0.1:1'}]", "api[0]"),
        (ONE + "directory: 7", "directory"),
        (ONE + "access_log: []", "access_log"),
        (ONE + "cors: []", "cors"),
        (ONE + "cors: [1]", "cors"),
        (ONE + "cors: {origin: []}", "cors.origin"),
        (ONE + "cors: {origins: https://a.example}", "cors.origins"),
        (ONE + "cors: {origins: ['*']}", "cors.origins[0]"),
        (ONE + "cors: {origins: ['https://a.example', 'null']}", "cors.origins[1]"),
        (ONE + "cors: {origins: ['https://*.example']}", "cors.origins[0]"),
        (ONE + "cors: {origins: ['https://a.example/']}", "cors.origins[0]"),
        (ONE + "cors: {origins: [a.example]}", "cors.origins[0]"),
        (ONE + "cors: {origins: ['https://a.example,https://b.example']}", "cors.origins[0]"),
        (ONE + "hosts: mesh.example", "hosts"),
        (ONE + "hosts: ['mesh.example:7600']", "hosts[0]"),
        (ONE + "hosts: ['*']", "hosts[0]"),
        (ONE + "http_1_0: 1", "http_1_0"),
        (ONE + "connect: 'yes'", "connect"),
        (ONE + "trusted_proxies: 10.0.0.1", "trusted_proxies"),
        (ONE + "trusted_proxies: [proxy.example]", "trusted_proxies[0]"),
        (ONE + "trusted_proxies: [10.0.0.1/8]", "trusted_proxies[0]"),
    ],
)
def test_a_bad_setting_is_named(text: str, setting: str) -> None:
    with pytest.raises(BadSetting) as raised:
        parse(text)

    assert raised.value.setting == setting


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"fleet\.yaml: No such file"):
        read(tmp_path / "fleet.yaml")
