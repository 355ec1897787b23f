"""What a server answers, which may be any: it is shown so that a terminal shows it, and it ends."""

from __future__ import annotations

import io
import json
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import grpc
import pytest
import yaml
from google.protobuf.timestamp_pb2 import Timestamp

from tests.support.callers.commands import Command
from tests.support.timing.cpu_limit import cpu_limit
from vimesh.cli.base import exits
from vimesh.cli.base.exits import Failure
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.output import documents, text_tables, vim_columns
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim, VimEvent

OBEYED = "\x1b[2J\x9b2J\x07\u202e\u2066\u200f\x7f\r\n\u2028"
_NEVER_SHOWN = set(OBEYED) - set("[2J\n")


class _Service:
    """Answers lists with one page after the other, for ever."""

    def __init__(self, per_page: int) -> None:
        self._per_page = per_page
        self.asked = 0

    def vims(self, _request: pb.ListVimsRequest, _context: grpc.ServicerContext) -> pb.ListVimsResponse:
        self.asked += 1
        vims = [Vim(id=f"{self.asked}-{number}", name=OBEYED) for number in range(self._per_page)]
        return pb.ListVimsResponse(vims=vims, next_page_token=str(self.asked))

    def events(self, _request: pb.ListVimEventsRequest, _context: grpc.ServicerContext) -> pb.ListVimEventsResponse:
        self.asked += 1
        events = [VimEvent(vim_id="a", revision=self.asked) for _ in range(self._per_page)]
        return pb.ListVimEventsResponse(events=events, next_page_token=str(self.asked))

    def handlers(self) -> dict[str, Any]:
        return {
            "ListVims": grpc.unary_unary_rpc_method_handler(
                self.vims, pb.ListVimsRequest.FromString, pb.ListVimsResponse.SerializeToString
            ),
            "ListVimEvents": grpc.unary_unary_rpc_method_handler(
                self.events, pb.ListVimEventsRequest.FromString, pb.ListVimEventsResponse.SerializeToString
            ),
        }


@contextmanager
def serving(service: _Service) -> Generator[str]:
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("vimesh.v1.VimService", service.handlers()),)
        )
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait(10)


@pytest.mark.parametrize("command", [("vim", "list"), ("vim", "events", "--limit", "100")])
def test_empty_pages_without_end_are_given_up(vimesh: Command, command: tuple[str, ...]) -> None:
    service = _Service(0)
    with serving(service) as address, cpu_limit(10):
        done = vimesh(*command, "--address", address)

    assert (done.code, service.asked) == (1, 1)
    assert "returned an empty page before the end" in done.err


def test_full_pages_without_end_are_given_up(vimesh: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vimesh.client.lookups.answer_pages._MAX_ITEMS", 500)
    service = _Service(100)
    with serving(service) as address, cpu_limit(10):
        done = vimesh("vim", "list", "--address", address)

    assert (done.code, service.asked) == (1, 5)
    assert "a list of more than 500" in done.err


@pytest.mark.parametrize("output", ["table", "wide", "name", "csv", "json", "yaml", "jsonpath=$[*].name"])
def test_nothing_that_a_terminal_obeys_is_printed(vimesh: Command, output: str) -> None:
    with serving(_Service(1)) as address:
        done = vimesh("vim", "list", "--limit", "1", "-o", output, "--address", address)

    assert done.code == 0
    assert not _NEVER_SHOWN & set(done.out)
    if output in {"json", "yaml"}:
        assert yaml.safe_load(done.out)[0]["name"] == OBEYED


@pytest.mark.parametrize("output", [Output.JSON, Output.YAML])
@pytest.mark.parametrize(
    "text", [OBEYED, "\u202e" * 200, f"ä{OBEYED} ü", "Grüße", "\ufeff", "a: b\u2066", "|\u202e\n  x\n"]
)
def test_documents_say_what_was_said(output: Output, text: str) -> None:
    with redirect_stdout(io.StringIO()) as out:
        documents.write(output, {"name": text, text: [text]})

    shown = out.getvalue()
    assert not _NEVER_SHOWN & set(shown)
    assert (json.loads(shown) if output is Output.JSON else yaml.safe_load(shown)) == {"name": text, text: [text]}


def test_a_failure_quotes_others_in_one_short_line() -> None:
    with redirect_stderr(io.StringIO()) as err:
        exits.show(Failure(f"refused: {OBEYED}{'x' * 100_000}", details=[OBEYED], hint=OBEYED))

    assert not _NEVER_SHOWN & set(err.getvalue())
    assert err.getvalue().count("\n") == 3
    assert len(err.getvalue()) < 2000


def test_one_huge_cell_costs_no_other_row_as_much() -> None:
    rows = [["a", "b"]] * 10_000 + [["x" * 1_000_000, "b"]]

    with cpu_limit(5):
        assert len(text_tables.plain(("NAME", "TYPE"), rows)) < 5_000_000


def test_words_and_times_that_only_a_newer_server_knows_are_shown_as_they_are() -> None:
    assert vim_columns.status(99) == "99"  # type: ignore[arg-type]  # a word that there is none for
    assert vim_columns.moment(Timestamp(seconds=10**15)) == "time out of range"


def test_a_number_that_json_cannot_say_is_explained() -> None:
    vim = Vim()
    vim.extra.update({"a": float("nan")})

    with pytest.raises(Failure, match="that JSON cannot represent"):
        documents.document(vim)
