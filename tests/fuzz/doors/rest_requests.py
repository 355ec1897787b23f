"""Makes good requests at each path of Tacker's REST."""

from __future__ import annotations

from typing import Final

from tests.fuzz.doors.http_door import Good
from tests.fuzz.doors.http_requests import HttpRequest, with_json
from tests.fuzz.doors.known_vims import UNIQUE, VIM_IDS

_REGISTER: Final = {
    "vim": {
        "name": f"by-rest-{UNIQUE.decode()}",
        "type": "openstack",
        "auth_url": "http://127.0.0.1:1/v3",
        "vim_project": {"name": "nfv", "project_domain_name": "Default"},
        "auth_cred": {"username": "nfv", "password": "s3cret", "user_domain_name": "Default", "cert_verify": "True"},
        "description": "b",
        "is_default": False,
        "extra": {"a": [1, {"b": None}]},
    }
}
_CHANGE: Final = {"vim": {"description": "c", "extra": {"a": 1}, "is_default": "False"}}
_FIRST, _LAST = f"/v1.0/vims/{VIM_IDS[2]}.json", f"/v1.0/vims/{VIM_IDS[-1]}.json"

GOOD: Final[Good] = {
    "resources": (HttpRequest("GET", "/v1.0/"), None),
    "list-vims": (
        HttpRequest("GET", "/v1.0/vims.json", [("name", VIM_IDS[0]), ("fields", "id"), ("limit", "5")]),
        None,
    ),
    "register": (with_json("POST", "/v1.0/vims.json", _REGISTER), _REGISTER),
    "show": (HttpRequest("GET", _FIRST), None),
    "change": (with_json("PUT", _FIRST, _CHANGE), _CHANGE),
    "remove": (HttpRequest("DELETE", _LAST), None),
    "events": (HttpRequest("GET", "/v1.0/events.json", [("resource_id", VIM_IDS[0]), ("limit", "5")]), None),
    "event": (HttpRequest("GET", "/v1.0/events/1.json"), None),
    "no-path": (HttpRequest("GET", "/v1.0/other"), None),
}
