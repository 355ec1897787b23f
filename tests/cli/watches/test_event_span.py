"""Which past changes are shown."""

from __future__ import annotations

import datetime as dt

import pytest

from vimesh.cli.watches.event_span import EVERYTHING, EventSpan, event_span
from vimesh.domain.settings import BadFlag
from vimesh.v1.vim_pb2 import VimEvent


def event(hour: int, kind: VimEvent.Kind.ValueType = VimEvent.MODIFIED) -> VimEvent:
    made = VimEvent(kind=kind)
    made.time.FromDatetime(dt.datetime(2026, 10, 31, hour))  # noqa: DTZ001 - protobuf's times are of UTC
    return made


def test_a_span_has_its_beginning_and_not_its_end() -> None:
    span = event_span("2026-10-31T10:00:00Z", "2026-10-31T12:00:00Z", None)

    assert [span.includes(event(hour)) for hour in (9, 10, 11, 12)] == [False, True, True, False]
    assert [span.begins_after(event(hour)) for hour in (9, 10)] == [True, False]


def test_kinds_are_words_of_the_contract_in_any_case() -> None:
    span = event_span(None, None, ["status-changed", "DEREGISTERED"])

    assert span == EventSpan(kinds=frozenset({VimEvent.STATUS_CHANGED, VimEvent.DEREGISTERED}))
    assert span.includes(event(9, VimEvent.DEREGISTERED))
    assert not span.includes(event(9))
    assert event_span(None, None, None) == EVERYTHING


@pytest.mark.parametrize(
    ("since", "until", "kind", "flag"),
    [
        ("someday", None, None, "--since"),
        (None, "someday", None, "--until"),
        ("1h", "2h", None, "--until"),
        (None, None, "exploded", "--kind"),
        (None, None, "kind_unspecified", "--kind"),
    ],
)
def test_what_is_no_span_is_refused_by_its_flag(
    since: str | None, until: str | None, kind: str | None, flag: str
) -> None:
    with pytest.raises(BadFlag, match=f"^{flag}: "):
        event_span(since, until, [kind] if kind else None)
