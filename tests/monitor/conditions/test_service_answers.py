from __future__ import annotations

import json

import pytest

from vimesh.domain.conditions.conditions import Condition, ConditionStatus
from vimesh.domain.conditions.services import Service, is_api_server
from vimesh.domain.endpoints import endpoint_of
from vimesh.monitor.conditions.service_answers import judge_answer

V3 = {
    "id": "v3.14",
    "status": "stable",
    "updated": "2020-04-07T00:00:00Z",
    "links": [{"rel": "self", "href": "http://10.0.0.1:5000/v3/"}],
    "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
}
V2 = {"id": "v2.0", "status": "deprecated"}
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
NOT_READY = (
    b"[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n[-]etcd-readiness failed: reason withheld\n"
    b"[+]informer-sync ok\n[+]poststarthook/start-apiserver-admission-initializer ok\n"
    b"[-]poststarthook/rbac/bootstrap-roles failed: not finished\n[+]shutdown ok\nreadyz check failed\n"
)
"""From k8s.io/apiserver, pkg/server/healthz/healthz.go."""
UNAUTHORIZED = (
    b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized",'
    b'"reason":"Unauthorized","code":401}\n'
)
FORBIDDEN = (
    b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"forbidden: User '
    b'\\"system:anonymous\\" cannot get path \\"/readyz\\"","reason":"Forbidden","details":{},"code":403}\n'
)


def keystone(document: object, code: int = 200) -> Condition:
    return judge_answer(Service.KEYSTONE, code, json.dumps(document).encode())


def kubernetes(code: int, body: bytes) -> Condition:
    return judge_answer(Service.KUBERNETES, code, body)


@pytest.mark.parametrize(
    ("document", "code"),
    [({"version": V3}, 200), ({"versions": {"values": [V3]}}, 300), ({"versions": {"values": [V2, V3]}}, 300)],
)
def test_a_version_document_of_keystone_shows_that_it_is_ready(document: object, code: int) -> None:
    assert keystone(document, code) == Condition("ServiceReady", TRUE, "", "Identity API v3.14, stable")


@pytest.mark.parametrize(
    "document",
    [
        {"version": V2},
        {"versions": [V3]},
        {"versions": {"values": {"id": "v3"}}},
        {"versions": [{"id": "v2.1", "status": "CURRENT"}]},
        {"version": {"id": 3}},
        {"version": [None, "v3"]},
        [],
        "v3",
        None,
    ],
)
def test_any_other_document_is_none_of_keystone(document: object) -> None:
    condition = keystone(document)

    assert (condition.status, condition.reason) == (FALSE, "NOT_KEYSTONE")


@pytest.mark.parametrize(
    "body", [b"", b"<html>It works!</html>", b"\xff\xfe", b"[" * 60_000, b'{"a":1,"a":2}', b"9" * 9_000]
)
def test_what_is_no_json_is_none_of_keystone_either(body: bytes) -> None:
    condition = judge_answer(Service.KEYSTONE, 200, body)

    assert (condition.status, condition.reason) == (FALSE, "NOT_KEYSTONE")
    assert len(condition.message) < 300


@pytest.mark.parametrize("code", [302, 401, 404, 503])
def test_an_error_is_called_by_its_status(code: int) -> None:
    assert (keystone({"version": V3}, code).status, keystone({}, code).reason) == (FALSE, f"HTTP_{code}")


def test_a_state_that_is_no_word_is_not_repeated() -> None:
    assert keystone({"version": {**V3, "status": "\x1b[31mred"}}).message == "Identity API v3.14"


@pytest.mark.parametrize("body", [b"ok", b"ok\n", b"[+]ping ok\n[+]etcd ok\nreadyz check passed\n"])
def test_an_api_server_that_says_so_is_ready(body: bytes) -> None:
    assert kubernetes(200, body).status is TRUE


def test_failed_checks_are_named() -> None:
    condition = kubernetes(500, NOT_READY)

    assert (condition.status, condition.reason) == (FALSE, "NOT_READY")
    assert condition.message == "failed checks of /readyz: etcd, etcd-readiness, poststarthook/rbac/bootstrap-roles"
    many = b"".join(b"[-]check-%d failed: reason withheld\n" % number for number in range(9))
    assert kubernetes(500, many).message.endswith("check-4 and 4 more")


@pytest.mark.parametrize(
    ("code", "body", "reason"), [(401, UNAUTHORIZED, "UNAUTHORIZED"), (403, FORBIDDEN, "FORBIDDEN")]
)
def test_whoever_asks_for_credentials_as_an_api_server_does_is_one(code: int, body: bytes, reason: str) -> None:
    condition = kubernetes(code, body)

    assert (condition.status, condition.reason) == (UNKNOWN, reason)


@pytest.mark.parametrize(
    ("code", "body", "reason"),
    [
        (200, b"<html>", "NOT_KUBERNETES"),
        (200, b"", "NOT_KUBERNETES"),
        (401, b"<html>401</html>", "NOT_KUBERNETES"),
        (403, b'{"kind": "Pod"}', "NOT_KUBERNETES"),
        (404, b"404 page not found", "HTTP_404"),
        (500, b"Internal Server Error", "HTTP_500"),
        (503, b"[-]etcd failed: reason withheld\n", "HTTP_503"),
    ],
)
def test_others_are_told_from_it(code: int, body: bytes, reason: str) -> None:
    condition = kubernetes(code, body)

    assert (condition.status, condition.reason) == (FALSE, reason)


def test_an_answer_without_an_end_says_nothing() -> None:
    assert judge_answer(Service.KEYSTONE, 200, None).reason == "INCOMPLETE"


def test_only_checks_show_that_an_error_is_of_an_api_server() -> None:
    assert is_api_server(500, NOT_READY)
    assert not is_api_server(500, b"Internal Server Error")
    assert not is_api_server(503, NOT_READY)


def test_an_api_server_is_asked_below_its_url() -> None:
    assert Service.KUBERNETES.endpoint(endpoint_of("https://10.0.0.1:6443")).path == "/readyz"
    assert Service.KUBERNETES.endpoint(endpoint_of("https://rancher/k8s/clusters/c-1/?a=b")).path == (
        "/k8s/clusters/c-1/readyz"
    )
    assert Service.KEYSTONE.endpoint(endpoint_of("http://10.0.0.1:5000/v3")).path == "/v3"
    assert (Service.of("openstack"), Service.of("vmware")) == (Service.KEYSTONE, None)
