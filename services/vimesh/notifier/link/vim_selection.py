"""Decides whether the filter of a receiver selects a VIM that was looked up: a look-up is by ids alone."""

from __future__ import annotations

from vimesh.domain.errors import FilterInvalid
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.filters.vim_filter import EVERY_VIM, Filter
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.vims import AppliedFields, Monitor, MonitorState, Status, Vim
from vimesh.v1 import vim_pb2
from vimesh.wire.notifications.absent_values import moment_of
from vimesh.wire.vim_messages import ENGINES


class VimSelection:
    """In doubt, it selects: that a VIM is not selected any more, the log says, too."""

    def __init__(self, filter_text: str) -> None:
        self._filter = _read(filter_text)

    def selects(self, message: vim_pb2.Vim) -> bool:
        """Return whether it selects the VIM, of which all is given that filters of receivers compare."""
        if not self._filter or message.monitor.engine not in ENGINES:
            return True
        return self._filter.matches(_vim(message))


def _read(filter_text: str) -> Filter:
    try:
        return parse_filter(filter_text)
    except FilterInvalid:
        return EVERY_VIM  # it is of a later version


def _vim(message: vim_pb2.Vim) -> Vim:
    """Return the VIM with what filters of receivers compare: what people set."""
    created = moment_of(message.create_time)
    return Vim(
        id=message.id,
        project_id=message.project_id,
        name=message.name,
        description="",
        type=message.type,
        auth_url=message.auth_url,
        vim_project={},
        auth_cred={},
        is_default=message.is_default,
        placement_attr={},
        extra={},
        policy=ProbePolicy(),
        status=Status.PENDING,
        reason="",
        detail="",
        round_trip_s=None,
        status_time=created,
        valid_until=None,
        monitor=Monitor(ENGINES[message.monitor.engine], "", MonitorState.STARTING, "", None),
        revision=message.revision,
        etag="",
        create_time=created,
        update_time=created,
        labels=message.labels,
        applied=AppliedFields(message.applied.apply_set, frozenset()) if message.applied.apply_set else None,
    )
