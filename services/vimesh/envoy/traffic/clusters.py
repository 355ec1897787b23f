"""Builds the clusters behind the front: how hosts are chosen, and when a host is left out."""

from __future__ import annotations

from typing import Final

from vimesh.envoy.traffic.call_classes import CALL_CLASSES, CallClass
from vimesh.envoy.vocabulary.extensions import HTTP_OPTIONS, typed

CONDUCTORS: Final = "conductors"
"""The service whose hosts all classes of calls share; one endpoint file lists them."""
API: Final = "api"
CONSOLE: Final = "console"

# The service name under which a conductor reports SERVING once it can answer, and NOT_SERVING as soon as it drains.
HEALTH_NAME: Final = "vimesh.v1.ConductorService"
HTTP_HEALTH_PATH: Final = "/healthz"
"""Where an api process and a console say the same."""
PANIC_PERCENT: Final = 50

# gRPC answers pings without the Python interpreter, so a ping stays unanswered only if the process is stopped or the
# machine is gone. Then the calls in flight there fail, and those that are safe to retry are made at another conductor.
_PING: Final = {"interval": "1s", "timeout": "3s"}
# In Envoy, calls that wait for a host also wait for its next connections. Up to three of those are in vain, so these
# pings are more frequent.
_PING_WHERE_CALLS_WAIT: Final = {"interval": "0.5s", "timeout": "2s"}

_API_CALLS: Final = CallClass(API, 256)
_CONSOLE_CALLS: Final = CallClass(CONSOLE, 256)

# A process answers 503 as soon as it drains, and is then left out at once. It says nothing about the conductors. An api
# process of an earlier release has no such path: it counts as healthy while it answers.
_HTTP_CHECK: Final = {
    "path": HTTP_HEALTH_PATH,
    "expected_statuses": [{"start": 200, "end": 201}, {"start": 404, "end": 405}],
}


def conductors(hosts: dict[str, object], socket: dict[str, object]) -> list[dict[str, object]]:
    """Return one cluster for each class of calls, on the same conductors.

    `hosts`: settings that say where they are; `socket`: settings of TLS, if they use it.
    """
    return [{**_conductors(call_class, hosts), **socket} for call_class in CALL_CLASSES]


def _conductors(call_class: CallClass, hosts: dict[str, object]) -> dict[str, object]:
    http2 = {
        "connection_keepalive": _PING if call_class.streams is None else _PING_WHERE_CALLS_WAIT,
        "initial_stream_window_size": 262144,
        "initial_connection_window_size": 4194304,
        **({} if call_class.streams is None else {"max_concurrent_streams": call_class.streams}),
    }
    return {
        **_cluster(call_class, hosts),
        "health_checks": [{**_checks(), "grpc_health_check": {"service_name": HEALTH_NAME}}],
        **_upstream({"explicit_http_config": {"http2_protocol_options": http2}}),
    }


def api(hosts: dict[str, object], socket: dict[str, object]) -> dict[str, object]:
    return _http_processes(_API_CALLS, hosts, socket)


def console(hosts: dict[str, object], socket: dict[str, object]) -> dict[str, object]:
    return _http_processes(_CONSOLE_CALLS, hosts, socket)


def _http_processes(call_class: CallClass, hosts: dict[str, object], socket: dict[str, object]) -> dict[str, object]:
    return {
        **_cluster(call_class, hosts),
        **socket,
        "health_checks": [{**_checks(), "http_health_check": _HTTP_CHECK}],
        **_upstream(
            {
                "explicit_http_config": {"http_protocol_options": {}},
                # Shorter than the keep-alive of the process: a request on a closing connection is lost.
                "common_http_protocol_options": {"idle_timeout": "30s"},
            }
        ),
    }


def _cluster(call_class: CallClass, hosts: dict[str, object]) -> dict[str, object]:
    return {
        "name": call_class.name,
        **hosts,
        "connect_timeout": "0.5s",
        "lb_policy": "LEAST_REQUEST",
        "common_lb_config": {
            # If too few healthy hosts are left for the load, or none, calls go to all hosts: the errors of those that
            # fail their checks explain more than Envoy's own would.
            "healthy_panic_threshold": {"value": PANIC_PERCENT},
            # By default, Envoy keeps what checks found for up to a second, if it has just used other findings: most of
            # the time that a host drains.
            "update_merge_window": "0s",
        },
        "ignore_health_on_host_removal": True,
        "outlier_detection": _outliers(),
        "circuit_breakers": call_class.circuit_breakers(),
    }


def _checks() -> dict[str, object]:
    """Take a host out if it reports so, or has not answered for about 4 s: merely slow hosts stay in.

    A host that is gone is detected sooner, by the calls that cannot connect to it (see _outliers).
    """
    return {
        "timeout": "1s",
        "interval": "0.5s",
        "no_traffic_interval": "0.5s",
        "unhealthy_threshold": 3,
        "healthy_threshold": 1,
    }


def _outliers() -> dict[str, object]:
    """Eject a host that cannot be reached, between two health checks. The answers of a host never eject it.

    UNAVAILABLE means that the database is unavailable. Every conductor answers it then, and ejecting them would replace
    an explicit error with a bare 503.
    """
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 3,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_local_origin_success_rate": 0,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "interval": "0.5s",
        # The next passed health check restores a host. A host that is restored too early is ejected repeatedly, and
        # each time the calls that wait for it get one more connection to wait for.
        "base_ejection_time": "30s",
        "max_ejection_time": "30s",
        # All but one: a slow database makes every host look slow.
        "max_ejection_percent": 99,
    }


def _upstream(options: dict[str, object]) -> dict[str, object]:
    return {"typed_extension_protocol_options": {HTTP_OPTIONS: typed(HTTP_OPTIONS, **options)}}
