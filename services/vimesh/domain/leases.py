"""Leases: for how long a status holds without a contact (G6), and when a silent action is replaced (G7)."""

from __future__ import annotations

import datetime as dt

CONTACTS_PER_LEASE = 3
"""One contact may be lost, and the next one late, before anybody calls the action silent."""
LONGEST_CONTACT_WITHIN_S = 60.0
"""What was promised to those who report: never asked to be back later than that, whatever the load."""
_ENOUGH = 0.6
"""How much of a lease may be left without a contact being written. The next contact comes after three quarters of its
time at the latest, and finds a whole such time left: for reports that are lost, or wait."""
START_GRACE_S = 60.0
"""How long a new action may take to be heard: a queue of a workflow engine, a slow name server and a first round of
probes that all time out must fit. The same for every engine: an action may be run by whoever takes it over."""
LONGEST_GRACE_S = 3600.0
"""How rarely an action that nobody runs is replaced: a fleet without any monitor shall not churn."""


def lease_s(contact_within_s: float) -> float:
    return CONTACTS_PER_LEASE * contact_within_s


LONGEST_LEASE_S = lease_s(LONGEST_CONTACT_WITHIN_S)
"""With more of a lease left, the clock was set back: a silence would be noticed too late, or never. It is made so long.

No other lease is made shorter, also if less would be granted now: conductors count on what they know of each.
"""


def enough_s(granted_s: float) -> float:
    """Return how much of a lease must be left, given what would be granted now, for a contact not to be written.

    With most of the lease left nothing is lost yet: most contacts cost only the read that judged them.
    """
    return _ENOUGH * granted_s


def start_grace_s(unheard: int) -> float:
    """Return how long a new action may stay unheard, after `unheard` actions in a row that never were."""
    return min(START_GRACE_S * 2.0 ** min(unheard, 16), LONGEST_GRACE_S)


def contact_within_s(actions: int, *, floor_s: float, budget_per_s: float) -> float:
    """Return by when actions are asked to be back, so that all of them together stay within the budget."""
    return min(max(floor_s, actions / budget_per_s), LONGEST_CONTACT_WITHIN_S)


def silence(ended: dt.datetime) -> str:
    """Say for people why the status is not known."""
    return f"the ping action fell silent: its lease ended at {ended.isoformat(timespec='seconds')}"
