"""Builds the listeners: the front for gRPC, gRPC-Web and JSON on one port, and an optional second one for reporters."""

from __future__ import annotations

from collections.abc import Sequence

from vimesh.envoy.access_log import handshake_log, request_log
from vimesh.envoy.callers.early_headers import early_headers, request_ids
from vimesh.envoy.callers.host_names import FRONT_HOST
from vimesh.envoy.callers.page_origins import allowed, cors_filter
from vimesh.envoy.callers.trusted_proxies import by_trusted, caller_alone, callers
from vimesh.envoy.doors.connect_protocol import connect_filters
from vimesh.envoy.doors.json_door import MAX_DESCRIPTION_BYTES, head_filter
from vimesh.envoy.doors.readiness import readiness
from vimesh.envoy.fleet.cluster_endpoints import socket_of
from vimesh.envoy.fleet.front_fleet import Door, FrontFleet
from vimesh.envoy.fleet.front_security import FrontSecurity
from vimesh.envoy.front_spans import may_trace, spans
from vimesh.envoy.identity.caller_identity import identity_filter
from vimesh.envoy.identity.method_roles import only_callers, only_their_methods
from vimesh.envoy.identity.tls_sockets import CONNECTION_S, towards_callers
from vimesh.envoy.identity.token_issuers import token_filter
from vimesh.envoy.refusals.local_replies import local_replies
from vimesh.envoy.routes import BODY_LIMIT, BUFFER, IDLE_S, MAX_JSON_BYTES, routes
from vimesh.envoy.traffic.opening_rate import opening_rate
from vimesh.envoy.traffic.overload import MAX_FRONT_CONNECTIONS, MAX_REPORTS_CONNECTIONS, connection_limit
from vimesh.envoy.vocabulary.extensions import extension
from vimesh.envoy.vocabulary.header_size import CODEC_HEADERS_KB, HEADER_BYTES, MAX_HEADERS
from vimesh.envoy.vocabulary.request_headers import drop_unused
from vimesh.rpc.rpc_table import (
    ACCESS_SERVICE,
    AVAILABILITY_SERVICE,
    FLEET_SERVICE,
    HISTORY_SERVICE,
    MAINTENANCE_SERVICE,
    RECEIVER_SERVICE,
    VIM_SERVICE,
)

FRONT = "front"
REPORTS = "reports"
DESCRIPTOR_FILE = "contract.binpb"

_HTTP = "envoy.extensions.filters.http"

# A page of 1000 VIMs is a few MiB, and JSON is two to three times as long as the message.
MAX_JSON_ANSWER_BYTES = 32 * 1024 * 1024

# A monitor or an executor uses one connection, and may have 3000 calls in flight. Above the limit clients queue their
# calls, so nothing is lost; without a limit, a single connection could use any amount of memory.
MAX_STREAMS = 4096

CONNECTION_IDLE_S = 60.0
"""How long a connection may be open without a call."""
REQUEST_S = 30.0
"""How long a caller may take to send one request."""


def doors(fleet: FrontFleet, directory: str) -> list[dict[str, object]]:
    """Return the front listener, and the one for reporters if there is one.

    `directory` is where Envoy finds its files.
    """
    direct = _connection_manager(fleet, directory)
    secured = {} if fleet.security is None else towards_callers(directory, certificate_required=False)
    chains = [{**_chain(FRONT, MAX_FRONT_CONNECTIONS, direct), **secured}]
    if fleet.trusted_proxies:
        # Each filter chain counts its connections separately, so the limit is split.
        each = MAX_FRONT_CONNECTIONS // 2
        proxied = _connection_manager(fleet, directory, fleet.trusted_proxies)
        match = {"filter_chain_match": by_trusted(fleet.trusted_proxies)}
        chains = [{**_chain("proxies", each, proxied), **match, **secured}, {**_chain(FRONT, each, direct), **secured}]
    front = _listener(FRONT, fleet.front, chains, handshake_log(fleet))
    if fleet.reports is None:
        return [front]
    # When Envoy runs out of memory, only the front sheds load.
    own = {"bypass_overload_manager": True}
    manager = _connection_manager(fleet, directory, for_reporters=True)
    chain = _chain(REPORTS, MAX_REPORTS_CONNECTIONS, manager)
    if fleet.security is not None:
        chain |= towards_callers(directory, certificate_required=True)
    return [front, {**_listener(REPORTS, fleet.reports, [chain], handshake_log(fleet)), **own}]


def _listener(
    name: str, address: Door, chains: Sequence[dict[str, object]], logs: Sequence[dict[str, object]]
) -> dict[str, object]:
    return {
        "name": name,
        "address": socket_of(address),
        "per_connection_buffer_limit_bytes": 1048576,
        # With SO_REUSEPORT, a second Envoy on the port would silently take half of the calls instead of failing.
        "enable_reuse_port": False,
        # Connections are few and long-lived: without balancing, one worker may get all of them.
        "connection_balance_config": {"exact_balance": {}},
        "filter_chains": list(chains),
        **({"access_log": list(logs)} if logs else {}),
    }


def _chain(name: str, max_connections: int, manager: dict[str, object]) -> dict[str, object]:
    return {"filters": [connection_limit(name, max_connections), manager]}


def _connection_manager(
    fleet: FrontFleet, directory: str, proxies: Sequence[str] = (), *, for_reporters: bool = False
) -> dict[str, object]:
    """Return the manager of connections from proxies in these networks, or from any caller if there are none."""
    secured, trusted_hop = fleet.security is not None, bool(proxies) or for_reporters
    limited = {"max_connection_duration": f"{CONNECTION_S:g}s"} if secured else {}
    hosts = {
        "name": "all",
        "domains": ["*"],
        "routes": routes(fleet, directory),
        **allowed(fleet.origins),
    }
    return extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="front",
        codec_type="AUTO",
        server_name="vimesh",
        **request_ids(),
        # Not at the door for reporters: a call that is not traced costs Envoy something, too.
        **({} if for_reporters else spans(fleet)),
        **callers(proxies),
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        max_request_headers_kb=CODEC_HEADERS_KB,
        early_header_mutation_extensions=[
            early_headers(trusting=bool(proxies), ids=trusted_hop, traces=trusted_hop or may_trace(fleet))
        ],
        common_http_protocol_options={
            "idle_timeout": f"{CONNECTION_IDLE_S:g}s",
            "max_headers_count": MAX_HEADERS,
            **limited,
        },
        request_headers_timeout="10s",
        request_timeout=f"{REQUEST_S:g}s",
        stream_idle_timeout=f"{IDLE_S:g}s",
        http_protocol_options=_http_1(fleet),
        http2_protocol_options={
            "max_concurrent_streams": MAX_STREAMS,
            "max_header_field_size_kb": CODEC_HEADERS_KB,
            "initial_stream_window_size": 262144,
            "initial_connection_window_size": 4194304,
            # Ends the watches of callers that have vanished silently.
            "connection_keepalive": {"interval": "30s", "timeout": "20s"},
        },
        access_log=request_log(fleet),
        local_reply_config=local_replies(with_api=fleet.with_api, secured=secured),
        # x-envoy-ratelimited is a mark for Envoy's own retries (retries.py), so it is removed from responses.
        route_config={
            "name": "front",
            "virtual_hosts": [hosts],
            # One of the routes leads to a cluster that does not exist (refusal_routes.py).
            "validate_clusters": False,
            "max_direct_response_body_size_bytes": MAX_DESCRIPTION_BYTES,
            "response_headers_to_remove": ["x-envoy-ratelimited"],
            "request_headers_to_add": [caller_alone()],
            "request_headers_to_remove": [HEADER_BYTES, *(("authorization",) if secured else ())],
        },
        http_filters=[
            readiness(),
            cors_filter(),
            *(connect_filters() if fleet.connect else ()),
            drop_unused(),
            extension("envoy.filters.http.grpc_web", f"{_HTTP}.grpc_web.v3.GrpcWeb"),
            *([] if fleet.security is None else _callers_filters(fleet, fleet.security, reporters_only=for_reporters)),
            head_filter(),
            _body_limit(),
            _transcoder(f"{directory}/{DESCRIPTOR_FILE}"),
            *([] if fleet.security is None else [_methods_filter(fleet, fleet.security)]),
            opening_rate(),
            # No x-envoy-* headers in responses: the number of attempts is internal.
            extension("envoy.filters.http.router", f"{_HTTP}.router.v3.Router", suppress_envoy_headers=True),
        ],
    )


def _callers_filters(fleet: FrontFleet, security: FrontSecurity, *, reporters_only: bool) -> list[dict[str, object]]:
    """Return the filters that find out who calls. Reporters prove it by their certificates."""
    tokens = [token_filter(security)] if security.issuers and not reporters_only else []
    callers_only = only_callers(
        reporters_only=reporters_only, keystone=security.keystone, with_console=fleet.with_console
    )
    return [*tokens, identity_filter(security), callers_only]


def _methods_filter(fleet: FrontFleet, security: FrontSecurity) -> dict[str, object]:
    return only_their_methods(with_api=fleet.with_api, keystone=security.keystone, with_console=fleet.with_console)


def _http_1(fleet: FrontFleet) -> dict[str, object]:
    return {"accept_http_10": True, "default_host_for_http_10": FRONT_HOST} if fleet.http_1_0 else {}


def _body_limit() -> dict[str, object]:
    """Answer 413 to a JSON body that is too long, before it is transcoded.

    The filter is disabled except where a route enables it: it waits for the end of a request, which a stream never has.
    """
    return {**extension(BODY_LIMIT, BUFFER, max_request_bytes=MAX_JSON_BYTES), "disabled": True}


def _transcoder(descriptor_file: str) -> dict[str, object]:
    return extension(
        "envoy.filters.http.grpc_json_transcoder",
        f"{_HTTP}.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        proto_descriptor=descriptor_file,
        services=[
            ACCESS_SERVICE,
            AVAILABILITY_SERVICE,
            FLEET_SERVICE,
            HISTORY_SERVICE,
            MAINTENANCE_SERVICE,
            RECEIVER_SERVICE,
            VIM_SERVICE,
        ],
        convert_grpc_status=True,
        query_param_unescape_plus=True,
        max_response_body_size=MAX_JSON_ANSWER_BYTES,
        print_options={
            "preserve_proto_field_names": True,
            "always_print_primitive_fields": True,
            # One message per line: a watch can be read line by line, and is never an unfinished list.
            "stream_newline_delimited": True,
        },
        request_validation_options={
            "reject_unknown_query_parameters": True,
            "reject_binding_body_field_collisions": True,
        },
    )
