"""Says for the VIMs of which projects each user of the broker may report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ALL_PROJECTS: Final = "*"


@dataclass(frozen=True, slots=True)
class BrokerUsers:
    projects: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By user. Empty: whoever may publish may report for every VIM."""

    def projects_of(self, user: str) -> frozenset[str] | None:
        """Return the projects of a user; None if there is no such user."""
        return self.projects.get(user)


def parse_broker_users(text: str) -> BrokerUsers:
    """Parse USER=PROJECT pairs, separated by commas; a user may have several. Raises ValueError."""
    if text.lstrip().startswith("["):
        raise ValueError("must be one string, such as 'tenant-a=a,tacker=*', not a list")
    projects: dict[str, frozenset[str]] = {}
    for each in filter(None, (part.strip() for part in text.split(","))):
        user, equals, project = (part.strip() for part in each.partition("="))
        if not (user and equals and project):
            raise ValueError(f"must be USER=PROJECT, not {each[:50]!r}")
        projects[user] = projects.get(user, frozenset()) | {project}
    if not projects:
        # Empty, it would let everybody report for every VIM.
        raise ValueError("must be USER=PROJECT, at least once")
    return BrokerUsers(projects)
