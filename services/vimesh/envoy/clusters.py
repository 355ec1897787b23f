"""Where calls go: the clusters behind the front, how their hosts are chosen and when a host is left out."""

from __future__ import annotations

from vimesh.envoy.typed import HTTP_OPTIONS, typed

CONDUCTORS = "conductors"
API = "api"

# The name under which a conductor says SERVING once it can answer, and NOT_SERVING as soon as it drains.
HEALTH_NAME = "vimesh.v1.ConductorService"


def conductors(endpoint_file: str) -> dict[str, object]:
    http2 = {
        # Finds connections that died without a word while the health checks, on their own connections, go on.
        "connection_keepalive": {"interval": "30s", "timeout": "5s"},
        "initial_stream_window_size": 262144,
        "initial_connection_window_size": 4194304,
    }
    return {
        **_cluster(CONDUCTORS, endpoint_file),
        "health_checks": [{**_checks(), "grpc_health_check": {"service_name": HEALTH_NAME}}],
        **_upstream({"explicit_http_config": {"http2_protocol_options": http2}}),
    }


def api(endpoint_file: str) -> dict[str, object]:
    return {
        **_cluster(API, endpoint_file),
        # Only whether somebody listens: an api process has no say in what the conductors know.
        "health_checks": [{**_checks(), "tcp_health_check": {}}],
        **_upstream(
            {
                "explicit_http_config": {"http_protocol_options": {}},
                # Sooner than the api process closes it: a request on a connection that is being closed is lost.
                "common_http_protocol_options": {"idle_timeout": "30s"},
            }
        ),
    }


def _cluster(name: str, endpoint_file: str) -> dict[str, object]:
    return {
        "name": name,
        "type": "EDS",
        "connect_timeout": "0.5s",
        "lb_policy": "LEAST_REQUEST",
        "eds_cluster_config": {
            "service_name": name,
            "eds_config": {"path_config_source": {"path": endpoint_file}, "resource_api_version": "V3"},
        },
        # Panic mode would send calls to hosts that said NOT_SERVING.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "ignore_health_on_host_removal": True,
        "outlier_detection": _outliers(),
        "circuit_breakers": {"thresholds": [_limits()]},
    }


def _limits() -> dict[str, object]:
    return {
        # Watches count for as long as they live; the default of 1024 would shed the burst after a restart.
        "max_requests": 20000,
        "max_pending_requests": 20000,
        # A conductor that dies has all its calls repeated at the same moment: as many as go on, or more. The budget
        # allows that to a burst of thousands, and ends the flood when every conductor fails.
        "retry_budget": {"budget_percent": {"value": 100}, "min_retry_concurrency": 1000},
    }


def _checks() -> dict[str, object]:
    return {
        "timeout": "0.5s",
        "interval": "0.5s",
        "no_traffic_interval": "0.5s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
    }


def _outliers() -> dict[str, object]:
    """Eject a host that cannot be talked to, between two health checks. What a host answers never ejects it.

    An UNAVAILABLE says that the database is away: every conductor says it then, and ejecting them would replace an
    error that explains itself by a mute 503.
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
        "base_ejection_time": "2s",
        "max_ejection_time": "10s",
        # All but one: a slow database makes every host look slow. The next good health check takes a host back.
        "max_ejection_percent": 99,
    }


def _upstream(options: dict[str, object]) -> dict[str, object]:
    return {"typed_extension_protocol_options": {HTTP_OPTIONS: typed(HTTP_OPTIONS, **options)}}
