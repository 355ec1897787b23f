"""Judges by an answer whether the API is the one that it should be, and says that it is ready. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from vimesh.domain.conditions.conditions import SERVICE_READY, Condition, ConditionStatus
from vimesh.domain.conditions.services import Service
from vimesh.files.file_errors import BadFile
from vimesh.files.json_values import read_json

UNFINISHED: Final = Condition(SERVICE_READY, ConditionStatus.UNKNOWN, "INCOMPLETE", "the answer has not ended in time")
_MOST_NAMED: Final = 5
_MULTIPLE_CHOICES: Final = 300
_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _ERROR = 200, 401, 403, 404, 500
_VERSION_ID = re.compile(r"v3(?:\.\d{1,4}){0,2}")
_WORD = re.compile(r"[A-Za-z]{1,20}")
# `[-]etcd failed: reason withheld`: k8s.io/apiserver, pkg/server/healthz/healthz.go.
_CHECK = re.compile(r"\[([+-])\]([A-Za-z0-9][A-Za-z0-9._/-]{0,99}) ")
_MOST_CHECKS: Final = 500


def judge_answer(service: Service, code: int, body: bytes | None) -> Condition:
    """Return the condition ServiceReady that follows from the status and the body of an answer. Never raises.

    `body`: None if it did not come to its end.
    """
    if body is None:
        return UNFINISHED
    return _JUDGES[service](code, body.decode("utf-8", "replace"))


def _judge_keystone(code: int, text: str) -> Condition:
    if code not in (_OK, _MULTIPLE_CHOICES):
        return _false(f"HTTP_{code}", f"Keystone answers {code} where its version document should be")
    try:
        document = read_json(text)
    except BadFile as error:
        return _false("NOT_KEYSTONE", f"the answer {_short(error.description)}")
    for version in _versions_of(document):
        name, status = version.get("id"), version.get("status")
        if isinstance(name, str) and _VERSION_ID.fullmatch(name):
            state = f", {status}" if isinstance(status, str) and _WORD.fullmatch(status) else ""
            return Condition(SERVICE_READY, ConditionStatus.TRUE, "", f"Identity API {name}{state}")
    return _false("NOT_KEYSTONE", "the answer is not a version document of the Identity API v3")


def _versions_of(document: object) -> list[Mapping[object, object]]:
    """Return the versions that a document of Keystone lists: one of `/v3`, or all of `/`."""
    if not isinstance(document, Mapping):
        return []
    listed: object = [document.get("version")]
    if isinstance(versions := document.get("versions"), Mapping):
        listed = versions.get("values")
    if not isinstance(listed, list):
        return []
    return [each for each in listed if isinstance(each, Mapping)]


def _judge_kubernetes(code: int, text: str) -> Condition:
    if code == _OK:
        return _judge_ready(text)
    if code in (_UNAUTHORIZED, _FORBIDDEN):
        return _judge_refusal(code, text)
    failed = [name for sign, name in _CHECK.findall(text)[:_MOST_CHECKS] if sign == "-"]
    if code == _ERROR and failed:
        more = f" and {len(failed) - _MOST_NAMED} more" if len(failed) > _MOST_NAMED else ""
        return _false("NOT_READY", f"failed checks of /readyz: {', '.join(failed[:_MOST_NAMED])}{more}")
    if code == _NOT_FOUND:
        return _false("HTTP_404", "there is no /readyz: no API server, or one older than Kubernetes 1.16")
    return _false(f"HTTP_{code}", f"/readyz answers {code}")


def _judge_ready(text: str) -> Condition:
    if text.strip() == "ok" or text.rstrip().endswith("readyz check passed"):
        return Condition(SERVICE_READY, ConditionStatus.TRUE, "", "/readyz: ok")
    return _false("NOT_KUBERNETES", "the answer of /readyz is not that of an API server")


def _judge_refusal(code: int, text: str) -> Condition:
    if not _is_status(text):
        return _false("NOT_KUBERNETES", f"/readyz answers {code}, and not as an API server does")
    reason = "UNAUTHORIZED" if code == _UNAUTHORIZED else "FORBIDDEN"
    words = f"an API server answers; anonymous requests may not ask whether it is ready: {code}"
    return Condition(SERVICE_READY, ConditionStatus.UNKNOWN, reason, words)


def _is_status(text: str) -> bool:
    """Return whether an answer is a Status of Kubernetes."""
    try:
        document = read_json(text)
    except BadFile:
        return False
    return isinstance(document, Mapping) and document.get("kind") == "Status" and "apiVersion" in document


_JUDGES: Final[Mapping[Service, Callable[[int, str], Condition]]] = {
    Service.KEYSTONE: _judge_keystone,
    Service.KUBERNETES: _judge_kubernetes,
}


def _false(reason: str, message: str) -> Condition:
    return Condition(SERVICE_READY, ConditionStatus.FALSE, reason, message)


def _short(text: str) -> str:
    return text[:200]
