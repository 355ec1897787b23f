from __future__ import annotations

from google.protobuf.field_mask_pb2 import FieldMask

from vimesh.client.watches.resumable_watch import WatchUpdate
from vimesh.client.watches.watched_vims import WatchedVims
from vimesh.v1.condition_pb2 import Certificate, Condition
from vimesh.v1.vim_pb2 import Monitor, ProbePolicy, View, Vim, VimCause, VimEvent
from vimesh.v1.vim_service_pb2 import WatchVimsResponse


def vim(vim_id: str, revision: int, status: Vim.Status.ValueType = Vim.PENDING) -> Vim:
    return Vim(id=vim_id, name=vim_id, revision=revision, status=status)


def event(vim_id: str, revision: int, kind: VimEvent.Kind.ValueType, status: Vim.Status.ValueType) -> VimEvent:
    made = VimEvent(vim_id=vim_id, revision=revision, kind=kind, status=status, reason="WHY")
    if kind == VimEvent.REGISTERED:
        made.vim.CopyFrom(vim(vim_id, revision, status))
    return made


def with_snapshot(*vims: Vim, revision: int) -> WatchedVims:
    board = WatchedVims()
    board.take(WatchUpdate(WatchVimsResponse(vims=vims), afresh=True))
    assert not board.complete
    board.take(WatchUpdate(WatchVimsResponse(revision=revision)))
    assert board.complete
    return board


def test_a_change_that_the_snapshot_shows_already_is_no_news() -> None:
    board = with_snapshot(vim("a", 7, Vim.REACHABLE), revision=5)
    changes = [
        event("a", 6, VimEvent.STATUS_CHANGED, Vim.UNREACHABLE),
        event("a", 7, VimEvent.STATUS_CHANGED, Vim.REACHABLE),
        event("a", 8, VimEvent.STATUS_CHANGED, Vim.UNREACHABLE),
    ]

    news = board.take(WatchUpdate(WatchVimsResponse(events=changes, revision=8)))

    assert [change.event.revision for change in news] == [8]
    assert (board.vims["a"].status, board.vims["a"].reason) == (Vim.UNREACHABLE, "WHY")
    assert board.vims["a"].monitor.state == Monitor.RUNNING


def test_vims_come_and_go() -> None:
    board = with_snapshot(vim("a", 1), revision=1)
    changes = [
        event("b", 2, VimEvent.REGISTERED, Vim.PENDING),
        event("a", 3, VimEvent.DEREGISTERED, Vim.PENDING),
    ]

    news = board.take(WatchUpdate(WatchVimsResponse(events=changes, revision=3)))

    assert [change.vim.name for change in news if change.vim] == ["b", "a"]
    assert set(board.vims) == {"b"}


def test_what_a_later_snapshot_does_not_show_is_gone() -> None:
    board = with_snapshot(vim("a", 1), vim("b", 2), revision=2)

    board.take(WatchUpdate(WatchVimsResponse(vims=[vim("b", 9)]), afresh=True))
    assert set(board.vims) == {"a", "b"}
    board.take(WatchUpdate(WatchVimsResponse(revision=9)))

    assert set(board.vims) == {"b"}


def test_what_a_modification_does_not_hold_stays_as_it_was() -> None:
    before = vim("a", 1)
    before.description = "before"
    before.extra.update({"rack": 1})
    before.placement_attr.update({"regions": ["one"]})
    change = event("a", 2, VimEvent.MODIFIED, Vim.PENDING)
    change.changed_fields.CopyFrom(FieldMask(paths=["name", "placement_attr"]))
    change.vim.CopyFrom(vim("a", 2))
    change.vim.name = "renamed"
    change.vim.placement_attr.update({"regions": []})
    board = with_snapshot(before, revision=1)

    board.take(WatchUpdate(WatchVimsResponse(events=[change], revision=2)))

    after = board.vims["a"]
    assert (after.name, after.description, after.extra) == ("renamed", "before", before.extra)
    assert after.placement_attr == change.vim.placement_attr


def test_a_modification_of_an_earlier_version_is_whole() -> None:
    before = vim("a", 1)
    before.description = "before"
    change = event("a", 2, VimEvent.MODIFIED, Vim.PENDING)
    change.vim.CopyFrom(vim("a", 2))
    board = with_snapshot(before, revision=1)

    board.take(WatchUpdate(WatchVimsResponse(events=[change], revision=2)))

    assert board.vims["a"].description == ""


def test_what_a_vantage_says_is_kept_up_to_date() -> None:
    policy = ProbePolicy(vantages=["eu", "us"])
    eu, us = View(vantage="eu", status=Vim.REACHABLE), View(vantage="us", status=Vim.REACHABLE)
    known = Vim(id="a", revision=1, status=Vim.REACHABLE, probe_policy=policy, views=[eu, us])
    board = with_snapshot(known, revision=1)
    silent = View(vantage="us", status=Vim.UNKNOWN, reason="SILENT", action_id="old")
    replaced = View(vantage="us", status=Vim.UNKNOWN, reason="SILENT", action_id="new")
    changes = [
        VimEvent(vim_id="a", revision=2, kind=VimEvent.VIEW_CHANGED, status=Vim.REACHABLE, view=silent),
        VimEvent(vim_id="a", revision=3, kind=VimEvent.ACTION_REPLACED, status=Vim.REACHABLE, view=replaced),
    ]
    board.take(WatchUpdate(WatchVimsResponse(events=changes, revision=3)))

    vim = board.vims["a"]
    assert list(vim.views) == [eu, replaced]
    assert (vim.status, vim.monitor.action_id, vim.monitor.state) == (Vim.REACHABLE, "", Monitor.RUNNING)

    modified = VimEvent(vim_id="a", revision=4, kind=VimEvent.MODIFIED, status=Vim.REACHABLE)
    modified.vim.CopyFrom(Vim(id="a", revision=4, status=Vim.REACHABLE, probe_policy=ProbePolicy(vantages=["eu"])))
    board.take(WatchUpdate(WatchVimsResponse(events=[modified], revision=4)))

    assert list(board.vims["a"].views) == []  # as the server shows it: with one vantage the VIM says all itself


def test_views_come_in_the_order_of_the_policy() -> None:
    known = Vim(id="a", revision=1, status=Vim.PENDING, probe_policy=ProbePolicy(vantages=["eu", "us"]))
    board = with_snapshot(known, revision=1)
    changes = [
        VimEvent(vim_id="a", revision=place, kind=VimEvent.VIEW_CHANGED, view=View(vantage=vantage))
        for place, vantage in ((2, "us"), (3, "eu"))
    ]
    board.take(WatchUpdate(WatchVimsResponse(events=changes, revision=3)))

    assert [view.vantage for view in board.vims["a"].views] == ["eu", "us"]


def test_a_cause_ends_with_the_status_that_it_explains() -> None:
    known = Vim(id="a", revision=1, status=Vim.UNREACHABLE, cause=VimCause(subject="192.0.2.0/24"))
    board = with_snapshot(known, revision=1)
    back = VimEvent(vim_id="a", revision=2, kind=VimEvent.STATUS_CHANGED, status=Vim.REACHABLE)
    board.take(WatchUpdate(WatchVimsResponse(events=[back], revision=2)))

    assert not board.vims["a"].HasField("cause")


def conditions_of(board: WatchedVims) -> dict[str, str]:
    return {one.type: Condition.Status.Name(one.status) for one in board.vims["a"].conditions}


def test_conditions_are_kept_as_the_fleet_tells_them() -> None:
    seen = [Condition(type=type_, status=Condition.TRUE) for type_ in ("CertificateValid", "Reachable", "ServiceReady")]
    policy = ProbePolicy(depth=ProbePolicy.SERVICE)
    known = Vim(id="a", revision=1, status=Vim.REACHABLE, probe_policy=policy, conditions=seen)
    board = with_snapshot(known, revision=1)
    news = [
        Condition(type="ServiceReady", status=Condition.FALSE, reason="NOT_READY"),
        Condition(type="LoggedIn", status=Condition.TRUE),
    ]
    changed = VimEvent(vim_id="a", revision=2, kind=VimEvent.CONDITION_CHANGED, status=Vim.REACHABLE, conditions=news)
    changed.certificate.issuer = "CN=a"
    board.take(WatchUpdate(WatchVimsResponse(events=[changed], revision=2)))
    assert conditions_of(board) == {
        "CertificateValid": "TRUE",
        "LoggedIn": "TRUE",
        "Reachable": "TRUE",
        "ServiceReady": "FALSE",
    }
    assert (board.vims["a"].certificate, board.vims["a"].revision) == (Certificate(issuer="CN=a"), 2)

    gone = [Condition(type="LoggedIn", status=Condition.UNKNOWN, reason="REMOVED")]
    removed = VimEvent(vim_id="a", revision=3, kind=VimEvent.CONDITION_CHANGED, status=Vim.REACHABLE, conditions=gone)
    lost = event("a", 4, VimEvent.STATUS_CHANGED, Vim.UNREACHABLE)
    board.take(WatchUpdate(WatchVimsResponse(events=[removed, lost], revision=4)))
    assert conditions_of(board) == {"CertificateValid": "TRUE", "Reachable": "FALSE", "ServiceReady": "UNKNOWN"}

    board.take(
        WatchUpdate(WatchVimsResponse(events=[event("a", 5, VimEvent.STATUS_CHANGED, Vim.REACHABLE)], revision=5))
    )
    assert conditions_of(board) == {"CertificateValid": "TRUE", "Reachable": "TRUE"}, "no change says what follows"


def test_another_target_has_no_conditions_and_a_lower_depth_has_fewer() -> None:
    types = ("CertificateValid", "Reachable", "ServiceReady")
    seen = [Condition(type=type_, status=Condition.TRUE) for type_ in types]
    policy = ProbePolicy(depth=ProbePolicy.SERVICE)
    known = Vim(id="a", revision=1, status=Vim.REACHABLE, probe_policy=policy, conditions=seen)
    for fields, depth, left in (
        (["auth_url"], ProbePolicy.SERVICE, {}),
        (["probe_policy"], ProbePolicy.API, {"CertificateValid": "TRUE", "Reachable": "UNKNOWN"}),
        (
            ["probe_policy"],
            ProbePolicy.LOGIN,
            {"CertificateValid": "TRUE", "Reachable": "UNKNOWN", "ServiceReady": "UNKNOWN"},
        ),
    ):
        board = with_snapshot(known, revision=1)
        modified = VimEvent(vim_id="a", revision=2, kind=VimEvent.MODIFIED, status=Vim.PENDING)
        modified.vim.CopyFrom(Vim(id="a", revision=2, status=Vim.PENDING, probe_policy=ProbePolicy(depth=depth)))
        modified.changed_fields.paths.extend(fields)
        board.take(WatchUpdate(WatchVimsResponse(events=[modified], revision=2)))

        assert conditions_of(board) == left
