from __future__ import annotations

from tests.cli.top.test_fleet_model import NOW_S, Clock, event, tell, vim, with_snapshot
from vimesh.cli.top.fleet_model import FleetModel
from vimesh.cli.top.fleet_words import connection_line, count_line, trouble_line
from vimesh.v1.vim_service_pb2 import WatchVimsResponse


def test_words_are_true_while_vims_arrive() -> None:
    model = FleetModel(clock=Clock())
    model.take(WatchVimsResponse(vims=[vim("a"), vim("b")]), afresh=True)

    assert connection_line(model, "mesh:7600", NOW_S).plain == "vimesh top  mesh:7600  reading the fleet: 2 VIMs"
    assert not count_line(model, "").plain


def test_words_are_true_when_the_fleet_is_gone() -> None:
    clock = Clock()
    model = with_snapshot(vim("a", valid_s=10), vim("b", valid_s=90), clock=clock)
    assert connection_line(model, "mesh:7600", NOW_S).plain.endswith("  live")

    model.lose("no gRPC server answers at mesh:7600 (UNAVAILABLE)")
    clock.now_s += 12

    line = connection_line(model, "mesh:7600", clock.now_s).plain
    assert "live" not in line
    assert "NOT CONNECTED for 12s, retrying; shown is the fleet of " in line
    assert trouble_line(model).plain == (
        "1 of 2 statuses are no longer valid  no gRPC server answers at mesh:7600 (UNAVAILABLE)"
    )


def test_counts_name_the_worst_first_and_what_is_shown() -> None:
    model = with_snapshot(vim("a"), vim("b"))
    tell(model, event("b", 6))
    model.reverse()

    line = count_line(model, 'name = "lab*"').plain

    assert line == '2 VIMs  1 UNREACHABLE  1 REACHABLE  by status reversed  that match name = "lab*"'
