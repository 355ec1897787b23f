"""Logs who called what, and how it ended: one line of JSON each. No bodies, no credentials, no query.

Reports that succeed have none: a fleet gets thousands a second, which would fill disks and tell nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from vimesh.envoy.fleet.front_fleet import STDOUT, FrontFleet
from vimesh.envoy.vocabulary.extensions import extension, when
from vimesh.rpc.caller_metadata import FOR_CALL, IDENTITY, PROJECTS, ROLES
from vimesh.rpc.rpc_table import REPORT_PATHS
from vimesh.tracing.current_request import MAX_REQUEST_ID, REQUEST_ID

_CALLER: Final = {"caller": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}
_REQUEST: Final = {
    "time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ:ORIG_OR_PATH)%",
    "status": "%RESPONSE_CODE%",
    "grpc_status": "%GRPC_STATUS%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "duration_ms": "%DURATION%",
    "received_bytes": "%BYTES_RECEIVED%",
    "sent_bytes": "%BYTES_SENT%",
    **_CALLER,
    "conductor": "%UPSTREAM_HOST%",
    "tries": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "request_id": f"%REQ({REQUEST_ID}):{MAX_REQUEST_ID}%",
    "for_request_id": f"%REQ({FOR_CALL}):{MAX_REQUEST_ID}%",
}
_SERIAL: Final = {"certificate_serial": "%DOWNSTREAM_PEER_SERIAL%"}
_IDENTITY: Final = {
    "identity": f"%REQ({IDENTITY})%",
    "roles": f"%REQ({ROLES})%",
    "projects": f"%REQ({PROJECTS}):1024%",
    **_SERIAL,
}
_REFUSED_CONNECTION: Final = {
    "time": "%START_TIME%",
    **_CALLER,
    "failure": "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%",
    "certificate_uri": "%DOWNSTREAM_PEER_URI_SAN%",
    **_SERIAL,
}


_IS_NO_REPORT: Final = {
    "header_filter": {
        "header": {
            "name": ":path",
            "string_match": {"safe_regex": {"regex": "|".join(map(re.escape, REPORT_PATHS))}},
            "invert_match": True,
        }
    }
}
_FAILED: Final = {"grpc_status_filter": {"statuses": ["OK"], "exclude": True}}


def request_log(fleet: FrontFleet) -> list[dict[str, object]]:
    """Return the log of requests, if there is one."""
    logs = _log(fleet.access_log, _REQUEST if fleet.security is None else _REQUEST | _IDENTITY)
    return [{**log, "filter": {"or_filter": {"filters": [_IS_NO_REPORT, _FAILED]}}} for log in logs]


def handshake_log(fleet: FrontFleet) -> list[dict[str, object]]:
    """Return the log of connections that ended with their TLS handshake, as with a certificate that is not valid."""
    logs = _log(fleet.access_log, _REFUSED_CONNECTION) if fleet.security is not None else []
    return [{**log, "filter": when("connection.transport_failure_reason != ''")} for log in logs]


def _log(path: str | None, line: Mapping[str, str]) -> list[dict[str, object]]:
    formatted = {"log_format": {"json_format": dict(line)}}
    loggers = "envoy.extensions.access_loggers"
    if path is None:
        return []
    if path == STDOUT:
        return [extension("envoy.access_loggers.stdout", f"{loggers}.stream.v3.StdoutAccessLog", **formatted)]
    return [extension("envoy.access_loggers.file", f"{loggers}.file.v3.FileAccessLog", path=path, **formatted)]
