"""Fuzzes the answers by which services are judged: version documents, and checks of an API server."""

from __future__ import annotations

from tests.fuzz.parser import Parser
from vimesh.domain.conditions.services import Service, is_api_server
from vimesh.monitor.conditions.service_answers import judge_answer

_CODES = (200, 300, 401, 403, 404, 500, 503, 302)
_KEYSTONE = (
    b'{"version": {"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z", "links": '
    b'[{"rel": "self", "href": "http://10.0.0.1:5000/v3/"}], "media-types": []}}'
)
_CHECKS = b"[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n[+]poststarthook/rbac ok\nreadyz check failed\n"
_STATUS = b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","reason":"Unauthorized","code":401}'


def _read(data: bytes) -> None:
    """The first byte decides whose answer it is, and its status."""
    if not data:
        return
    code, body = _CODES[data[0] >> 1 & 7], data[1:]
    condition = judge_answer(Service.KUBERNETES if data[0] & 1 else Service.KEYSTONE, code, body)
    is_api_server(code, body)
    assert condition.message.isprintable(), f"words that garble a terminal: {condition.message!r}"
    assert len(condition.message) <= 512, f"long words: {condition.message!r}"


PARSER = Parser(
    name="services",
    read=_read,
    seeds=(
        b"\0" + _KEYSTONE,
        b"\2" + b'{"versions": {"values": [' + _KEYSTONE[12:-1] + b"]}}",
        b"\1ok",
        b"\x0b" + _CHECKS,
        b"\5" + _STATUS,
        b"\0" + b"[" * 2000,
        b"\0" + b'{"version":{"id":"v3"' + b',"a":1e9' * 500 + b"}}",
    ),
    most_bytes=64 * 1024,
)
