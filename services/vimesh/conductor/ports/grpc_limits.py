"""Sets the limits that gRPC itself enforces, before a call reaches our code."""

from __future__ import annotations

from typing import Final

from vimesh.wire.limits import MAX_MESSAGE_BYTES

OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", -1),
    # The defaults shed bursts of more than about 1,000 calls, and a fleet that reconnects sends such bursts.
    ("grpc.server.max_pending_requests", 20_000),
    ("grpc.server.max_pending_requests_hard_limit", 20_000),
    # A left-over process on the same port would silently take some of the calls.
    ("grpc.so_reuseport", 0),
    # Envoy sends a keepalive ping every second; the default treats that as abuse.
    ("grpc.http2.min_ping_interval_without_data_ms", 500),
    ("grpc.keepalive_permit_without_calls", 1),
    # Far above Envoy's limit on request headers (envoy/vocabulary/header_size.py), although gRPC counts 32 bytes more
    # per header and Envoy adds some: so it is Envoy that refuses. The soft and the hard limit are equal, because gRPC
    # refuses at random between the two.
    ("grpc.max_metadata_size", 256 * 1024),
    ("grpc.absolute_max_metadata_size", 256 * 1024),
    # The same limit as at the front. Above it, clients queue their calls.
    ("grpc.max_concurrent_streams", 4096),
    # The front needs few connections, but 5,000 reporters may connect directly. Excess connections are closed at once.
    ("grpc.max_allowed_incoming_connections", 10_000),
    # A connection that never completes the HTTP/2 handshake counts against the limit above.
    ("grpc.server_handshake_timeout_ms", 10_000),
    # A client without calls for this long is gone, or can open a new connection when it needs one.
    ("grpc.max_connection_idle_ms", 300_000),
    # A client that does not answer pings is gone: its streams end within a minute and a half.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)
