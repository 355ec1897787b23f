"""Opens channels to the front of the mesh."""

from __future__ import annotations

from pathlib import Path

import grpc

from vimesh.rpc.client_credentials import CredentialFolder
from vimesh.rpc.renewing_channel import CredentialSource, RenewingChannel
from vimesh.wire.limits import MAX_MESSAGE_BYTES

# Retries stay enabled, but without a policy. So gRPC repeats only calls that never left, such as when their connection
# was told to go away. Envoy retries the others: two layers of retries would multiply.
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A peer that vanishes silently is detected within 30 s, even if only a watch is open.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # By default, gRPC waits up to 2 minutes before it reconnects to a server that was unavailable.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # The front is nearby. A proxy set in the environment is meant for remote hosts, but would apply to 127.0.0.1 too.
    ("grpc.enable_http_proxy", 0),
)


def channel(address: str, credentials: Path | CredentialSource | None = None) -> grpc.aio.Channel:
    """Open a channel to `host:port`, or `unix:` and a path. The caller closes it.

    `credentials`: a folder, see `client_credentials`, or what else says what to show; None: the front asks for none,
    and TLS is not used. Raises BadSetting if the files cannot be used.
    """
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=_OPTIONS)
    # A certificate names hosts, and a socket of this machine has none.
    named = (("grpc.ssl_target_name_override", "localhost"),) if address.startswith("unix:") else ()
    return RenewingChannel(
        CredentialFolder(credentials) if isinstance(credentials, Path) else credentials,
        lambda shown: grpc.aio.secure_channel(address, shown, options=(*_OPTIONS, *named)),
    )
