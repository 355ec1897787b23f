"""Defines bounds that both ends of a call share, or that a request must keep before it is parsed."""

from __future__ import annotations

from typing import Final

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
"""gRPC itself refuses a larger request with RESOURCE_EXHAUSTED, without reading it."""
MAX_JSON_BYTES: Final = 512 * 1024
"""Maximum size of a request in JSON."""
MAX_FREE_FORM_VALUES: Final = 2048
"""Maximum number of values in a free-form field, nested ones included: each costs a conductor some microseconds."""
MAX_BATCH_VALUES: Final = 8_000
"""Maximum number of values in all free-form fields of a batch: reading them takes a conductor 0.1 s at most."""
MAX_BATCH_IDS: Final = 500
"""Maximum number of VIMs that BatchGetVims may be asked for."""
MAX_BATCH_BYTES: Final = 256 * 1024
"""Maximum size of all registrations of a batch together, of which the first may be larger: a conductor masks, encrypts
and stores what is in them, some of it twice."""

_SMALL_BYTES = 16 * 1024
_QUERY_BYTES = 64 * 1024
# Four free-form fields of 64 KiB of JSON take up to 960 KiB as protobuf, where a one-digit number takes 11 bytes.
_VIM_BYTES = 1024 * 1024

# A webhook has up to 16 headers of 8 KiB.
_RECEIVER_BYTES = 256 * 1024

# 500 VIMs or answers, of which a few may have texts of full length.
_PROBES_BYTES = 512 * 1024

_REQUEST_BYTES: Final = {
    "RegisterVim": _VIM_BYTES,
    "ModifyVim": _VIM_BYTES,
    "RegisterVimJson": MAX_JSON_BYTES + _SMALL_BYTES,
    "ModifyVimJson": MAX_JSON_BYTES + _SMALL_BYTES,
    "ModifyVimsJson": MAX_JSON_BYTES + _SMALL_BYTES,
    "DeregisterVimsJson": _QUERY_BYTES + _SMALL_BYTES,
    "RegisterVims": _VIM_BYTES,
    "ApplyVims": _VIM_BYTES,
    "ModifyVims": _VIM_BYTES,
    "DeregisterVims": _QUERY_BYTES,
    "BatchGetVims": _QUERY_BYTES,
    "UpdateVims": MAX_MESSAGE_BYTES,
    "ReportConditions": MAX_MESSAGE_BYTES,
    "RecordDigests": MAX_MESSAGE_BYTES,
    "ServeProbes": _PROBES_BYTES,
    "ConfirmFailures": _PROBES_BYTES,
    "ListVims": _QUERY_BYTES,
    "ListVimEvents": _QUERY_BYTES,
    "SummarizeVims": _QUERY_BYTES,
    "WatchVims": _QUERY_BYTES,
    "CreateReceiver": _RECEIVER_BYTES,
    "CreateReceiverJson": MAX_JSON_BYTES + _SMALL_BYTES,
    "ModifyReceiver": _RECEIVER_BYTES,
    "ModifyReceiverJson": MAX_JSON_BYTES + _SMALL_BYTES,
    "ResendNotifications": _QUERY_BYTES,
    "ResendNotificationsJson": _QUERY_BYTES + _SMALL_BYTES,
    "DeleteNotifications": _QUERY_BYTES,
    "DeleteNotificationsJson": _QUERY_BYTES + _SMALL_BYTES,
    "AcquireReceivers": 2 * _QUERY_BYTES,
    "RecordDelivery": MAX_MESSAGE_BYTES,
}


def max_request_bytes(method: str) -> int:
    """Return the maximum size of a request; `method` is the name without its service."""
    return _REQUEST_BYTES.get(method, _SMALL_BYTES)
