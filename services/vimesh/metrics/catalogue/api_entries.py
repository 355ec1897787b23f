"""The metrics of an api process, some of which a console has, too."""

from __future__ import annotations

from typing import Final

from vimesh.metrics.catalogue.metric_entry import Component, MetricEntry, MetricKind

_API: Final = frozenset({Component.API})
_BEHIND_FRONT: Final = frozenset({Component.API, Component.CONSOLE})
_REQUESTED: Final = "after the first request"
_DRIVING: Final = "with --engine mistral, after the first task"

API_METRICS: Final = (
    MetricEntry(
        "vimesh_http_requests_total",
        MetricKind.COUNTER,
        "Requests to Tacker's REST API, or to a console, that are over. The route is the template of the path, or none "
        "for what was refused before a path was looked for; the code is none if the caller had gone.",
        labels=("method", "route", "code"),
        components=_BEHIND_FRONT,
        condition=_REQUESTED,
    ),
    MetricEntry(
        "vimesh_http_request_duration_seconds",
        MetricKind.HISTOGRAM,
        "Time from the head of a request to the end of its answer.",
        labels=("route",),
        components=_BEHIND_FRONT,
        condition=_REQUESTED,
    ),
    MetricEntry(
        "vimesh_tasks_total",
        MetricKind.COUNTER,
        "Tasks of the workflow engine that this process has claimed, by result: done, postponed, failed, not_taken if "
        "the conductors did not take the result, or expired if the claim ended first.",
        labels=("kind", "result"),
        components=_API,
        condition=_DRIVING,
    ),
    MetricEntry(
        "vimesh_mistral_calls_total",
        MetricKind.COUNTER,
        "Calls to Mistral, by result: ok, refused for a status of 4xx, which may be the expected one, or unavailable.",
        labels=("call", "result"),
        components=_API,
        condition=_DRIVING,
    ),
    MetricEntry(
        "vimesh_mistral_call_seconds",
        MetricKind.HISTOGRAM,
        "Duration of calls to Mistral.",
        labels=("call",),
        components=_API,
        condition=_DRIVING,
    ),
)
