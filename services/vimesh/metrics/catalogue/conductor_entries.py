"""The metrics of a conductor and of its store."""

from __future__ import annotations

from typing import Final

from vimesh.metrics.catalogue.metric_entry import Component, MetricEntry, MetricKind

_CONDUCTOR: Final = frozenset({Component.CONDUCTOR})
_READABLE: Final = "while the database can be read"

CONDUCTOR_METRICS: Final = (
    MetricEntry(
        "grpc_server_handled_total",
        MetricKind.COUNTER,
        "Calls that have ended, with their status code.",
        labels=("grpc_service", "grpc_method", "grpc_code"),
        components=_CONDUCTOR,
        condition="methods that were called",
    ),
    MetricEntry(
        "grpc_server_handling_seconds",
        MetricKind.HISTOGRAM,
        "How long calls took that are no streams.",
        labels=("grpc_service", "grpc_method"),
        components=_CONDUCTOR,
        condition="methods that were called",
    ),
    MetricEntry(
        "vimesh_admission_calls",
        MetricKind.GAUGE,
        "Calls under way, by class (reports, changes, reads, action_streams, watches). Expensive ones "
        "count several times.",
        labels=("call_class",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_admission_limit",
        MetricKind.GAUGE,
        "How many calls of a class may be under way.",
        labels=("call_class",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_admission_refusals_total",
        MetricKind.COUNTER,
        "Calls that were refused because too many were under way; action_streams count as reports.",
        labels=("call_class",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_reports_total",
        MetricKind.COUNTER,
        "Reports of ping actions, by outcome: changed, confirmed, late (a newer one is on record), "
        "bad_action (not the wanted action), invalid (against the rules, or not for its caller to make).",
        labels=("outcome",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_detection_delay_seconds",
        MetricKind.HISTOGRAM,
        "Age of changed statuses when they were committed: since the probe that decided it. Without "
        "reports that end a silence.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_contact_lag_seconds",
        MetricKind.HISTOGRAM,
        "By how much ping actions were late at least when their lease was extended; 0 if they may have been in time.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_contact_within_seconds",
        MetricKind.GAUGE,
        "Time within which ping actions are asked to make contact again.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_vims",
        MetricKind.GAUGE,
        "VIMs in the database, by the status they read; counted every 10 s. The same at every conductor.",
        labels=("status",),
        components=_CONDUCTOR,
        condition=_READABLE,
    ),
    MetricEntry(
        "vimesh_leases_lapsed_total",
        MetricKind.COUNTER,
        "Leases that ended without a contact, as this conductor has put on record.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_lease_sweeps_total",
        MetricKind.COUNTER,
        "Searches for ended leases, by result: good, failed.",
        labels=("result",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_lease_sweep_age_seconds",
        MetricKind.GAUGE,
        "Time since the last good search for ended leases.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_actions_replaced_total",
        MetricKind.COUNTER,
        "Silent ping actions that this conductor has replaced.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_todos",
        MetricKind.GAUGE,
        "Open tasks for Mistral in the database, by state: due, claimed, delayed; counted every 10 s.",
        labels=("state",),
        components=_CONDUCTOR,
        condition=_READABLE,
    ),
    MetricEntry(
        "vimesh_receivers",
        MetricKind.GAUGE,
        "Receivers of notifications in the database, by state: claimed if a notifier works for them, unclaimed, "
        "disabled; counted every 10 s.",
        labels=("state",),
        components=_CONDUCTOR,
        condition=_READABLE,
    ),
    MetricEntry(
        "vimesh_todo_oldest_age_seconds",
        MetricKind.GAUGE,
        "Age of the oldest open task for Mistral; 0 if there is none.",
        components=_CONDUCTOR,
        condition=_READABLE,
    ),
    MetricEntry(
        "vimesh_watchers",
        MetricKind.GAUGE,
        "Open streams, by kind: vims, actions.",
        labels=("kind",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_watch_events_delivered_total",
        MetricKind.COUNTER,
        "Changes that were handed to streams.",
        labels=("kind",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_watches_ended_total",
        MetricKind.COUNTER,
        "Streams that ended, by reason: aged, draining, left (by the client, or its connection), failed.",
        labels=("reason",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_pool_monitors",
        MetricKind.GAUGE,
        "Monitors that share the VIMs, without those that drain, by vantage, as this conductor saw them last.",
        labels=("vantage",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_pool_divisions_total",
        MetricKind.COUNTER,
        "How often this conductor has divided the VIMs anew, because monitors came or went.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_pool_removals_total",
        MetricKind.COUNTER,
        "Monitors that this conductor has removed because their leases had ended.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_second_opinions_total",
        MetricKind.COUNTER,
        "VIMs about which other monitors were asked before they are called UNREACHABLE, and each time again, by what "
        "became of it: confirmed (another one cannot reach it either), denied (another one reaches it), unknown "
        "(nobody could tell in time).",
        labels=("outcome",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_host_opinions_total",
        MetricKind.COUNTER,
        "Those of vimesh_second_opinions_total that were not probed, because more than 40 VIMs of their host were lost "
        "together: 40 of them are probed, and stand for the others if they agree (else: unknown).",
        labels=("outcome",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_second_opinion_delay_seconds",
        MetricKind.HISTOGRAM,
        "Time from the question of a monitor to what another one says of a VIM. Without those of which nobody could "
        "tell.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_store_up",
        MetricKind.GAUGE,
        "Whether the database could be read and written at the last check, a second ago.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_store_info",
        MetricKind.GAUGE,
        "Kind and version of the database; always 1.",
        labels=("dialect", "server_version"),
        components=_CONDUCTOR,
        condition=_READABLE,
    ),
    MetricEntry(
        "vimesh_bulk_changes_total",
        MetricKind.COUNTER,
        "VIMs that calls for many changed, by kind (modify, deregister, apply) and outcome (changed, refused).",
        labels=("kind", "outcome"),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_quota_refusals_total",
        MetricKind.COUNTER,
        "Changes of VIMs that were refused because a project has reached a quota (vims, event_bytes, changes_per_s).",
        labels=("quota",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_availability_query_seconds",
        MetricKind.HISTOGRAM,
        "How long pages of QueryAvailability took in the database, with their wait.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_history_digests_total",
        MetricKind.COUNTER,
        "Digests of history that monitors delivered, by outcome: recorded, refused.",
        labels=("outcome",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_causes_open",
        MetricKind.GAUGE,
        "Causes that last, by what failed, as in the contract: MONITOR, NETWORK ...; counted every 10 s.",
        labels=("kind",),
        components=_CONDUCTOR,
        condition=_READABLE,
    ),
    MetricEntry(
        "vimesh_maintenance_announcements_total",
        MetricKind.COUNTER,
        "Events of VIMs whose maintenance started or ended, by kind: started, ended.",
        labels=("kind",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_maintenance_windows",
        MetricKind.GAUGE,
        "Maintenance windows in the database that are open or planned; counted every 10 s. "
        "Only while the database can be read.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_store_commits_total",
        MetricKind.COUNTER,
        "Transactions that were committed.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_store_commit_seconds",
        MetricKind.HISTOGRAM,
        "How long writing transactions took, without their wait.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_store_group_reports",
        MetricKind.HISTOGRAM,
        "Reports that shared a writing transaction.",
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_store_queue_length",
        MetricKind.GAUGE,
        "Transactions that wait for their turn, by kind: write, read, browse.",
        labels=("queue",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_store_wait_seconds",
        MetricKind.HISTOGRAM,
        "How long transactions waited for their turn.",
        labels=("queue",),
        components=_CONDUCTOR,
    ),
    MetricEntry(
        "vimesh_store_errors_total",
        MetricKind.COUNTER,
        "Transactions that failed for a reason of the database, by kind.",
        labels=("kind",),
        components=_CONDUCTOR,
    ),
)
