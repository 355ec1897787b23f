from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.cli.top.fleet_model import FleetModel
from vimesh.v1.vim_pb2 import Vim, VimEvent
from vimesh.v1.vim_service_pb2 import WatchVimsResponse

NOW_S = 1_800_000_000


class Clock:
    def __init__(self) -> None:
        self.now_s = float(NOW_S)

    def __call__(self) -> float:
        return self.now_s


def vim(vim_id: str, revision: int = 1, status: Vim.Status.ValueType = Vim.REACHABLE, valid_s: int = 30) -> Vim:
    return Vim(
        id=vim_id,
        name=f"name-{vim_id}",
        revision=revision,
        status=status,
        status_time=Timestamp(seconds=NOW_S - 60),
        valid_until=Timestamp(seconds=NOW_S + valid_s),
    )


def event(
    vim_id: str,
    revision: int,
    status: Vim.Status.ValueType = Vim.UNREACHABLE,
    kind: VimEvent.Kind.ValueType = VimEvent.STATUS_CHANGED,
) -> VimEvent:
    return VimEvent(
        vim_id=vim_id, revision=revision, kind=kind, status=status, reason="WHY", time=Timestamp(seconds=NOW_S)
    )


def with_snapshot(*vims: Vim, revision: int = 5, clock: Clock | None = None) -> FleetModel:
    model = FleetModel(clock=clock or Clock())
    model.take(WatchVimsResponse(vims=vims), afresh=True)
    assert not model.is_complete
    model.take(WatchVimsResponse(revision=revision))
    assert model.is_complete
    return model


def tell(model: FleetModel, *events: VimEvent) -> None:
    model.take(WatchVimsResponse(events=events, revision=events[-1].revision))
    model.settle()


def listed(model: FleetModel) -> list[str]:
    model.settle()
    return [row.vim_id for row in model.visible(0, len(model.order))]


def test_a_change_counts_the_vim_with_its_new_status_and_moves_it() -> None:
    model = with_snapshot(vim("a"), vim("b"), vim("c"))

    tell(model, event("b", 6))

    assert (model.counts[Vim.REACHABLE], model.counts[Vim.UNREACHABLE]) == (2, 1)
    assert listed(model) == ["b", "a", "c"]
    row = model.rows["b"]
    assert (row.reason, row.since_s, row.valid_until_s) == ("WHY", NOW_S, 0.0)
    assert [named.name for named in model.changes] == ["name-b"]


def test_a_change_that_the_snapshot_shows_already_is_no_news() -> None:
    model = with_snapshot(vim("a", revision=7), revision=5)

    tell(model, event("a", 6), event("a", 7))

    assert model.counts == {Vim.REACHABLE: 1}
    assert not model.changes


def test_a_vim_that_is_deregistered_is_counted_no_more() -> None:
    model = with_snapshot(vim("a"), vim("b"))

    tell(model, event("a", 6, Vim.REACHABLE, VimEvent.DEREGISTERED))

    assert listed(model) == ["b"]
    assert model.counts[Vim.REACHABLE] == 1
    assert [named.name for named in model.changes] == ["name-a"]


def test_a_vim_that_does_not_match_any_more_leaves_the_list() -> None:
    model = with_snapshot(vim("a"))
    leaving = event("a", 6)
    leaving.filtered_out = True
    stranger = event("z", 7)
    stranger.filtered_out = True

    tell(model, leaving, stranger)

    assert not listed(model)
    assert not +model.counts
    assert [named.event.vim_id for named in model.changes] == ["a"]


def test_a_vim_that_begins_to_match_is_completed_by_a_reading() -> None:
    model = with_snapshot(vim("a"))

    tell(model, event("b", 6))
    assert model.incomplete == {"b"}
    model.refresh([vim("b", revision=9, status=Vim.UNREACHABLE), vim("gone")])

    assert not model.incomplete
    assert model.rows["b"].name == "name-b"
    assert model.counts == {Vim.REACHABLE: 1, Vim.UNREACHABLE: 1}
    # The reading holds changes of which the watch has not told yet: they still count.
    tell(model, event("b", 8, Vim.UNKNOWN))
    assert model.counts[Vim.UNKNOWN] == 1


def test_maintenance_changes_neither_status_nor_its_age() -> None:
    model = with_snapshot(vim("a"))
    started = event("a", 6, Vim.REACHABLE, VimEvent.MAINTENANCE_STARTED)
    started.reason = ""
    started.maintenance.end_time.seconds = NOW_S + 100

    tell(model, started)

    row = model.rows["a"]
    assert (row.maintenance_until_s, row.since_s) == (NOW_S + 100, NOW_S - 60)
    tell(model, event("a", 7, Vim.REACHABLE, VimEvent.MAINTENANCE_ENDED))
    assert model.rows["a"].maintenance_until_s == 0


def test_a_snapshot_after_a_gap_replaces_everything_at_once() -> None:
    model = with_snapshot(vim("a"), vim("b"))

    model.take(WatchVimsResponse(vims=[vim("b", status=Vim.UNKNOWN)]), afresh=True)
    assert listed(model) == ["a", "b"]
    model.take(WatchVimsResponse(revision=9))

    assert listed(model) == ["b"]
    assert model.counts == {Vim.UNKNOWN: 1}


def test_without_a_connection_a_status_is_believed_until_its_lease_ends() -> None:
    clock = Clock()
    model = with_snapshot(vim("a", valid_s=10), vim("b", valid_s=40), vim("c", valid_s=-5), clock=clock)
    assert not any(map(model.is_stale, model.rows.values()))

    model.lose("no answer")

    assert [row.vim_id for row in model.rows.values() if model.is_stale(row)] == ["c"]
    clock.now_s += 20
    assert [row.vim_id for row in model.rows.values() if model.is_stale(row)] == ["a", "c"]
    assert model.stale_count() == 2
    model.regain()
    assert not any(map(model.is_stale, model.rows.values()))
    assert model.stale_count() == 0


def test_of_a_lost_connection_the_first_time_and_the_newest_reason_are_told() -> None:
    clock = Clock()
    model = with_snapshot(vim("a"), clock=clock)

    model.lose("no data received")
    lost_s = model.lost_s
    clock.now_s += 5
    model.lose("nothing listens there")

    assert (model.trouble, model.lost_s) == ("nothing listens there", lost_s)


def test_a_clock_that_is_late_does_not_make_statuses_valid_for_longer() -> None:
    clock = Clock()
    clock.now_s -= 3600
    model = with_snapshot(vim("a", valid_s=10), vim("b"), clock=clock)
    tell(model, event("b", 6))

    model.lose("no answer")
    clock.now_s += 11

    assert model.is_stale(model.rows["a"])


def test_changes_from_before_the_watch_come_before_those_of_it() -> None:
    model = with_snapshot(vim("a"))
    tell(model, event("a", 6))

    model.recall([event("a", 6), event("a", 4), event("a", 3)])

    assert [named.event.revision for named in model.changes] == [3, 4, 6]


def test_another_filter_begins_with_nothing() -> None:
    model = with_snapshot(vim("a"))
    tell(model, event("a", 6))

    model.restart()

    assert not listed(model)
    assert not model.changes
    assert not model.is_complete
