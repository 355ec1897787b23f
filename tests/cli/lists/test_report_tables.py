"""Availability, history and summaries are printed as lists are: cells for people, values for programs."""

from __future__ import annotations

import csv
import io

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.cli.availability.availability_rows import availability_table
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.lists.list_flags import list_choice
from vimesh.cli.lists.print_lists import print_items
from vimesh.cli.output.history_plot import SAMPLES
from vimesh.cli.vim.summary import counted_groups, summary_table, total_rows
from vimesh.v1 import availability_service_pb2 as availability
from vimesh.v1 import history_service_pb2 as history
from vimesh.v1 import vim_service_pb2 as pb

ROWS = [
    availability.AvailabilityRow(
        group=["eu", "b0b1a5c0-0000-4000-8000-000000000001"],
        vim_name="porto",
        reachable=Duration(seconds=3599, nanos=999_999_000),
        unreachable=Duration(nanos=1000),
    ),
    availability.AvailabilityRow(
        group=["us", "b0b1a5c0-0000-4000-8000-000000000002"], vim_name="lab", pending=Duration(seconds=90061)
    ),
]
ANSWER = pb.SummarizeVimsResponse(
    groups=[
        pb.VimGroup(values=[pb.VimGroupValue(value="nfv")], counts=pb.VimStatusCounts(total=9, reachable=9)),
        pb.VimGroup(values=[pb.VimGroupValue()], counts=pb.VimStatusCounts(total=10, unknown=10)),
    ],
    total=pb.VimStatusCounts(total=20, reachable=9, unknown=11),
    omitted_groups=1,
)


def test_availability_is_read_as_durations_and_exported_as_exact_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    table = availability_table(["labels.region", "id"])
    print_items(table, ROWS, list_choice(Output.TABLE, table, columns=None, no_headers=False, sort_by=None))
    titles, *lines = capsys.readouterr().out.splitlines()

    assert titles.split()[:4] == ["LABELS.REGION", "NAME", "AVAILABLE", "REACHABLE"]
    assert lines[0].split()[:4] == ["eu", "porto", "99.999%", "59m59s"]
    assert lines[1].split()[:7] == ["us", "lab", "-", "-", "-", "-", "1d01h01m"]

    print_items(table, ROWS, list_choice(Output.CSV, table, columns=None, no_headers=False, sort_by="AVAILABLE desc"))
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    # What has no share comes after the numbers, so it is first in the reverse order.
    assert [row["NAME"] for row in rows] == ["lab", "porto"]
    assert rows[1]["ID"] == ROWS[0].group[1]
    assert (rows[1]["REACHABLE"], rows[1]["UNREACHABLE"], rows[1]["AVAILABLE"]) == (
        "3599.999999",
        "0.000001",
        "0.99999",
    )
    assert (rows[0]["PENDING"], rows[0]["AVAILABLE"]) == ("90061.000000", "")


def test_names_of_availability_are_those_of_vims_or_of_groups(capsys: pytest.CaptureFixture[str]) -> None:
    table = availability_table(["labels.region", "month"])
    choice = list_choice(Output.NAME, table, columns=None, no_headers=False, sort_by=None)
    print_items(table, [availability.AvailabilityRow(group=["eu", "2026-10"]), ROWS[1]], choice)

    assert capsys.readouterr().out == "eu,2026-10\nlab\n"


def test_samples_have_milliseconds_for_people_and_seconds_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    answered = history.Sample(
        start_time=Timestamp(seconds=60),
        span=Duration(seconds=60),
        rounds=6,
        answered=6,
        min_round_trip=Duration(nanos=1_800_000),
        mean_round_trip=Duration(nanos=2_100_000),
        max_round_trip=Duration(seconds=1),
    )
    silent = history.Sample(start_time=Timestamp(seconds=120), span=Duration(seconds=60), rounds=6, lost=18)
    choice = list_choice(Output.CSV, SAMPLES, columns=None, no_headers=False, sort_by="LOST desc")
    print_items(SAMPLES, [answered, silent], choice)

    assert capsys.readouterr().out == (
        "TIME,SPAN,ROUNDS,ANSWERED,LOST,MIN,MEAN,MAX\n"
        "1970-01-01T00:02:00Z,60,6,0,18,,,\n"
        "1970-01-01T00:01:00Z,60,6,6,0,0.001800,0.002100,1.000000\n"
    )
    choice = list_choice(Output.TABLE, SAMPLES, columns=["MEAN", "lost"], no_headers=True, sort_by=None)
    print_items(SAMPLES, [answered, silent], choice)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["2.1ms", "0"], ["-", "18"]]


def test_counts_are_sorted_as_numbers_and_the_sum_stays_last(capsys: pytest.CaptureFixture[str]) -> None:
    table = summary_table(["labels.owner"])
    choice = list_choice(Output.TABLE, table, columns=["labels.owner", "total"], no_headers=False, sort_by="total desc")
    print_items(table, counted_groups(ANSWER, 1), choice, after=total_rows(ANSWER, 1))

    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["LABELS.OWNER", "TOTAL"],
        ["-", "10"],
        ["nfv", "9"],
        ["(1", "more)"],
        ["all", "20"],
    ]
    assert total_rows(ANSWER, 0) == []
    assert [group.counts for group in counted_groups(ANSWER, 0)] == [ANSWER.total]
