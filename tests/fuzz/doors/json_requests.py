"""Makes good requests at each path of the JSON door."""

from __future__ import annotations

from typing import Any, Final

from tests.fuzz.doors.http_door import Good
from tests.fuzz.doors.http_requests import HttpRequest, with_json
from tests.fuzz.doors.known_vims import UNIQUE, VIM_IDS

_VIM: Final[dict[str, Any]] = {
    "name": f"by-json-{UNIQUE.decode()}",
    "type": "openstack",
    "auth_url": "http://127.0.0.1:1/v3",
    "description": "b",
    "auth_cred": {"username": "nfv", "password": "s3cret"},
    "extra": {"a": [1, {"b": None}]},
    "is_default": False,
    "probe_policy": {"method": "HTTP", "interval": "10s", "timeout": "2.5s", "fall": 3},
}
_REGISTER: Final = {"vim": _VIM, "engine": "EXTERNAL"}
_MODIFY: Final = {"vim": {"description": "c", "extra": {"a": 1}}, "update_mask": "description,extra", "etag": ""}
_FIRST, _LAST = f"/v1/vims/{VIM_IDS[0]}", f"/v1/vims/{VIM_IDS[-1]}"

GOOD: Final[Good] = {
    "list-vims": (HttpRequest("GET", "/v1/vims", [("page_size", "1000"), ("filter", 'name = "a*"')]), None),
    "register": (with_json("POST", "/v1/vims", _REGISTER), _REGISTER),
    "watch": (HttpRequest("GET", "/v1/vims:watch", [("snapshot", "true")]), None),
    "get": (HttpRequest("GET", _FIRST), None),
    "modify": (with_json("PATCH", _FIRST, _MODIFY), _MODIFY),
    "deregister": (HttpRequest("DELETE", _LAST), None),
    "events-of-one": (HttpRequest("GET", f"{_FIRST}/events", [("page_size", "1000")]), None),
    "events": (HttpRequest("GET", "/v1/events", [("page_size", "1000")]), None),
    "no-path": (HttpRequest("GET", "/v1/other"), None),
}
