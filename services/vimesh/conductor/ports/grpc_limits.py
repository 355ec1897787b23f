"""What gRPC itself bounds, before any call is ours."""

from __future__ import annotations

from typing import Final

from vimesh.wire.limits import MAX_MESSAGE_BYTES

OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", -1),
    # The defaults shed bursts of more than about 1,000 calls, and a fleet that comes back sends such bursts.
    ("grpc.server.max_pending_requests", 20_000),
    ("grpc.server.max_pending_requests_hard_limit", 20_000),
    # A left-over process on the same port would take calls in silence.
    ("grpc.so_reuseport", 0),
    # Envoy asks every second whether the connection lives; the default takes that for abuse.
    ("grpc.http2.min_ping_interval_without_data_ms", 500),
    ("grpc.keepalive_permit_without_calls", 1),
    # Far above what Envoy takes as headers of a request (envoy/vocabulary/header_size.py), though 32 bytes are counted
    # for each, and Envoy adds some: it is Envoy that refuses. Between two limits, gRPC refuses at random.
    ("grpc.max_metadata_size", 256 * 1024),
    ("grpc.absolute_max_metadata_size", 256 * 1024),
    # As many as at the front. Above it, a client queues by itself.
    ("grpc.max_concurrent_streams", 4096),
    # The front has few connections, but a fleet of 5,000 reporters may come by itself. More are closed at once.
    ("grpc.max_allowed_incoming_connections", 10_000),
    # One that never says a word of HTTP/2 counts as well.
    ("grpc.server_handshake_timeout_ms", 10_000),
    # Without a call for this long, a client is gone, or opens another connection when it has one.
    ("grpc.max_connection_idle_ms", 300_000),
    # Who answers no ping is gone, and loses its streams within a minute and a half.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)
