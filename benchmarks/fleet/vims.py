"""Defines the VIMs of a fleet: each has an address of its own, and all addresses answer pings inside the namespace."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path

_FIRST = ipaddress.IPv4Address("127.1.0.1")


def address(number: int) -> str:
    return str(_FIRST + number)


def auth_url(number: int) -> str:
    return f"http://{address(number)}:5000/v3"


def write(path: Path, count: int, interval_s: int) -> Path:
    """Write a file for `vimesh vim import`: one VIM per line."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(vim)}\n" for vim in _vims(count, interval_s))
    return path


def _vims(count: int, interval_s: int) -> Iterator[dict[str, object]]:
    for number in range(count):
        yield {
            "name": f"cloud-{number:06}",
            "type": "openstack",
            "auth_url": auth_url(number),
            "auth_cred": {"username": "nfv", "password": f"password of {number}", "user_domain_name": "Default"},
            "vim_project": {"name": "nfv", "project_domain_name": "Default"},
            "probe_policy": {"method": "PING", "interval": f"{interval_s}s"},
        }
