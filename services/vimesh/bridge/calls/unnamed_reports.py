"""Policies for reports that come without an action id, from actions that are not wanted."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from vimesh.domain.settings import one_of
from vimesh.domain.vims import Engine


class UnnamedReportPolicy(StrEnum):
    REJECT = "reject"
    """The report is not recorded, and its action is killed."""
    ADOPT = "adopt"
    """The VIM is moved to the action: its engine becomes EXTERNAL, and its previous action is stopped."""
    ACCEPT = "accept"
    """The report is recorded, in addition to those of the wanted action."""


Policies = Mapping[Engine, UnnamedReportPolicy]

REJECT_ALL: Policies = dict.fromkeys(Engine, UnnamedReportPolicy.REJECT)


_engine = one_of(Engine)
_policy = one_of(UnnamedReportPolicy)


def parse_policies(text: str) -> Policies:
    """Parse ENGINE=POLICY pairs, separated by commas; an engine that is not named rejects. Raises ValueError."""
    if text.lstrip().startswith("["):
        raise ValueError("must be one string, such as 'embedded=adopt,mistral=reject', not a list")
    read = dict(REJECT_ALL)
    for each in filter(None, (part.strip() for part in text.split(","))):
        engine, equals, policy = each.partition("=")
        if not equals:
            raise ValueError(f"must be ENGINE=POLICY, not {each!r}")
        read[_engine(engine)] = _policy(policy)
    if read[Engine.EXTERNAL] is UnnamedReportPolicy.ADOPT:
        raise ValueError("external=adopt is not possible: such a VIM already belongs to a newer action from outside")
    return read


def format_policies(by_engine: Policies) -> str:
    """Format policies in the form that `parse_policies` parses."""
    return ",".join(f"{engine}={by_engine[engine]}".lower() for engine in Engine)
