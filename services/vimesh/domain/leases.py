"""Leases: for how long a status holds without a contact (G6), and when a silent action is replaced (G7)."""

from __future__ import annotations

import datetime as dt

CONTACTS_PER_LEASE = 3
"""One contact may be lost, and the next one late, before anybody calls the action silent."""
LONGEST_CONTACT_WITHIN_S = 60.0
"""What was promised to those who report: never asked to be back later than that, whatever the load."""
START_GRACE_S = 60.0
"""How long a new action may take to be heard: a queue of a workflow engine, a slow name server and a first round of
probes that all time out must fit. The same for every engine: an action may be run by whoever takes it over."""
LONGEST_GRACE_S = 3600.0
"""How rarely an action that nobody runs is replaced: a fleet without any monitor shall not churn."""


def lease_s(contact_within_s: float) -> float:
    return CONTACTS_PER_LEASE * contact_within_s


def renewal_due(remaining_s: float, granted_s: float, *, heard: bool) -> bool:
    """Say whether a contact that changes nothing must be written, given the lease that it would be granted.

    With half of the lease left nothing is lost yet: most contacts cost only the read that judged them. With more left
    than is granted now, the clock was set back, or the pace fell: a silence would be noticed too late.
    """
    return not heard or not granted_s / 2 <= remaining_s <= granted_s


def start_grace_s(unheard: int) -> float:
    """Return how long a new action may stay unheard, after `unheard` actions in a row that never were."""
    return min(START_GRACE_S * 2.0 ** min(unheard, 16), LONGEST_GRACE_S)


def contact_within_s(actions: int, *, floor_s: float, budget_per_s: float) -> float:
    """Return by when actions are asked to be back, so that all of them together stay within the budget."""
    return min(max(floor_s, actions / budget_per_s), LONGEST_CONTACT_WITHIN_S)


def silence(ended: dt.datetime) -> str:
    """Say for people why the status is not known."""
    return f"the ping action fell silent: its lease ended at {ended.isoformat(timespec='seconds')}"
