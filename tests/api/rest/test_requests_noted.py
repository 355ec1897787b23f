"""An api process can say which request it works on."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from vimesh.http.request_record import record_requests
from vimesh.http.request_statistics import RequestStatistics
from vimesh.watchdog.calls import Calls
from vimesh.watchdog.work_record import open_record, read_work


async def test_a_request_is_noted_without_its_query(tmp_path: Path) -> None:
    path, sent = tmp_path / "api.work", list[Message]()

    async def looks(scope: Scope, receive: Receive, send: Send) -> None:
        work = read_work(path)
        await PlainTextResponse("" if work is None else work.text)(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    with open_record(path) as opened:
        calls = Calls(opened.record)
        scope = {"type": "http", "method": "GET", "path": "/v1.0/vims", "query_string": b"secret=1", "headers": []}
        assert Request(scope).query_params["secret"] == "1"
        await record_requests(looks, calls, RequestStatistics())(scope, receive, send)
        assert read_work(path) is None

    assert sent[1]["body"] == b"GET /v1.0/vims"
    assert calls.newest == "GET /v1.0/vims"
