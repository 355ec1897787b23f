"""Computes leases: how long a status holds without a contact (G6), and when a silent action is replaced (G7)."""

from __future__ import annotations

import datetime as dt

CONTACTS_PER_LEASE = 3
"""One contact may be lost and the next one late before the action counts as silent."""
LONGEST_CONTACT_WITHIN_S = 60.0
"""Promised to reporters: they are never asked for their next contact later than this, whatever the load."""
_ENOUGH = 0.6
"""Share of a lease that must be left for a contact not to be written. The next contact comes after three quarters of
the contact time at the latest, with one whole contact time left on the lease: a reserve for lost or delayed reports."""
START_GRACE_S = 60.0
"""How long a new action may take until its first report. Must cover the queue of a workflow engine, a slow name server
and a first round of probes that all time out. The same for every engine, because any host may take an action over."""
LONGEST_GRACE_S = 3600.0
"""Longest time between replacements of an action that does not run: a fleet without any monitor must not churn."""


def lease_s(contact_within_s: float) -> float:
    return CONTACTS_PER_LEASE * contact_within_s


LONGEST_LEASE_S = lease_s(LONGEST_CONTACT_WITHIN_S)
"""If more of a lease is left, the clock was set back: silence would be noticed late, or never. It is cut to this.

No other lease is shortened, even if less would be granted now: conductors rely on the leases that they know.
"""


def enough_s(granted_s: float) -> float:
    """Return how much of a lease must be left for a contact not to be written, given what would be granted now.

    With most of the lease left, nothing is lost by that: most contacts cost only the read that judges them.
    """
    return _ENOUGH * granted_s


def certain_lag_s(left_s: float, contact_within_s: float) -> float:
    """Return by how much an action is late at least, given what is left of its lease when it makes contact.

    Contacts are not written while enough of a lease is left, so one in time may come up to a contact time after that.
    Less than this was not in time. 0: it may have been in time. Negative `left_s`: the lease has ended.
    """
    return max(0.0, enough_s(lease_s(contact_within_s)) - contact_within_s - left_s)


def start_grace_s(unheard: int) -> float:
    """Return how long a new action may take until its first report, after `unheard` actions in a row without any."""
    return min(START_GRACE_S * 2.0 ** min(unheard, 16), LONGEST_GRACE_S)


def contact_within_s(actions: int, *, floor_s: float, budget_per_s: float) -> float:
    """Return within how many seconds actions must make contact, so that all together stay within the budget."""
    return min(max(floor_s, actions / budget_per_s), LONGEST_CONTACT_WITHIN_S)


def silence_detail(ended: dt.datetime) -> str:
    """Return a text for people that explains why the status is unknown."""
    return f"the ping action fell silent: its lease ended at {ended.isoformat(timespec='seconds')}"
