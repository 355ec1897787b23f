"""Builds the google.rpc.Status of Envoy's own refusals, for JSON callers and for gRPC callers."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_DOMAIN: Final = "vimesh.v1"
_TYPE: Final = "type.googleapis.com/google.rpc."


class Code(IntEnum):
    """Codes of google.rpc.Code."""

    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class RefusalStatus:
    code: Code
    message: str
    """Text for callers. %LOCAL_REPLY_BODY% stands for Envoy's own text."""
    reason: str = ""
    """Reason in ErrorInfo; empty if the contract defines none."""
    retry_after_s: int = 0
    """Delay in RetryInfo; 0: no RetryInfo."""

    def as_json(self) -> dict[str, object]:
        """Return the status in the form in which the transcoder writes those of conductors."""
        details: list[dict[str, object]] = []
        if self.reason:
            details.append(
                {"@type": f"{_TYPE}ErrorInfo", "reason": self.reason, "domain": _DOMAIN, "metadata": {}},
            )
        if self.retry_after_s:
            details.append({"@type": f"{_TYPE}RetryInfo", "retry_delay": f"{self.retry_after_s}s"})
        return {"code": int(self.code), "message": self.message, "details": details}

    def as_header(self) -> str:
        """Return the value of grpc-status-details-bin.

        It is encoded by hand, because this package does not use protobuf, and needs only three short messages.
        """
        details = b""
        if self.reason:
            info = _text(1, self.reason) + _text(2, _DOMAIN)
            details += _field(3, _packed("ErrorInfo", info))
        if self.retry_after_s:
            # Field 1 of a Duration is its seconds, a varint.
            details += _field(3, _packed("RetryInfo", _field(1, bytes((1 << 3, self.retry_after_s)))))
        status = bytes((1 << 3, self.code)) + _text(2, self.message) + details
        return b64encode(status).decode().rstrip("=")


def _packed(kind: str, message: bytes) -> bytes:
    return _text(1, _TYPE + kind) + _field(2, message)


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode())


def _field(number: int, content: bytes) -> bytes:
    if len(content) > 127:
        raise ValueError("a field of a status must not be longer than 127 bytes")
    return bytes((number << 3 | 2, len(content))) + content
