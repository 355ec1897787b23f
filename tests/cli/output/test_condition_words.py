"""What tables and lines say of conditions and certificates."""

from __future__ import annotations

import time

from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.cli.lists.print_vims import field_rows
from vimesh.cli.output.documents import document
from vimesh.cli.output.event_lines import event_line
from vimesh.cli.output.vim_columns import certificate_end, failing_conditions
from vimesh.v1.condition_pb2 import Certificate, Condition
from vimesh.v1.vim_pb2 import Vim, VimEvent

_NOT_READY = Condition(type="ServiceReady", status=Condition.FALSE, reason="NOT_READY")
_VALID = Condition(type="CertificateValid", status=Condition.TRUE)
_LOST = Condition(type="Reachable", status=Condition.FALSE, reason="TIMEOUT")


def test_a_change_says_which_conditions_are_other_ones() -> None:
    removed = Condition(type="Endpoint/image", status=Condition.UNKNOWN, reason="REMOVED")
    changed = VimEvent(
        kind=VimEvent.CONDITION_CHANGED,
        time=Timestamp(seconds=1),
        conditions=[_NOT_READY, _VALID, removed],
        certificate=Certificate(not_after=Timestamp(seconds=4_000_000_000)),
    )

    assert event_line(changed, "lab") == (
        "1970-01-01T00:00:01Z  lab  ServiceReady is FALSE (NOT_READY), CertificateValid is TRUE, "
        "Endpoint/image is gone, certificate until 2096-10-02T07:06:40Z"
    )


def test_a_row_has_what_does_not_hold() -> None:
    assert failing_conditions(Vim()) == ""
    assert failing_conditions(Vim(conditions=[_LOST])) == ""
    assert failing_conditions(Vim(conditions=[_VALID, _LOST])) == "ok"
    assert failing_conditions(Vim(conditions=[_VALID, _NOT_READY])) == "ServiceReady=NOT_READY"


def test_a_row_says_when_the_certificate_ends() -> None:
    ends = Timestamp(seconds=int(time.time()) + 86400 * 3 + 3600)

    assert certificate_end(Vim()) == ""
    assert certificate_end(Vim(certificate=Certificate(not_after=ends))) == "3d"
    assert certificate_end(Vim(certificate=Certificate(not_after=Timestamp(seconds=1)))) == "ended"


def test_a_vim_is_shown_with_each_condition() -> None:
    vim = Vim(conditions=[_NOT_READY], certificate=Certificate(issuer="CN=a"))

    rows = dict(field_rows(document(vim)))

    assert rows["conditions.ServiceReady.status"] == "FALSE"
    assert rows["conditions.ServiceReady.reason"] == "NOT_READY"
    assert rows["certificate.issuer"] == "CN=a"
