"""Defines the users and virtual hosts of a broker before it starts: with rabbitmqctl, each takes seconds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class User:
    name: str
    password: str = ""
    """Empty: the user has no password, and cannot log in with one."""
    configure: str = ".*"
    write: str = ".*"
    read: str = ".*"


def definitions(folder: Path, users: Sequence[User] = (), virtual_hosts: Sequence[str] = ()) -> str:
    """Return the line for a broker's configuration. The user guest also exists, with all permissions everywhere."""
    guest = User("guest", "guest")
    places = ["/", *virtual_hosts]
    content = {
        "vhosts": [{"name": place} for place in places],
        "users": [_user(user, "administrator" if user is guest else "") for user in (guest, *users)],
        "permissions": [
            *(_permission(guest, place) for place in places),
            *(_permission(user, "/") for user in users),
        ],
    }
    file = folder / "definitions.json"
    file.write_text(json.dumps(content))
    return f"load_definitions = {file}\n"


def _user(user: User, tags: str) -> dict[str, str]:
    secret = {"password": user.password} if user.password else {"password_hash": ""}
    return {"name": user.name, "tags": tags} | secret


def _permission(user: User, place: str) -> dict[str, str]:
    rights = {"configure": user.configure, "write": user.write, "read": user.read}
    return {"user": user.name, "vhost": place} | rights
