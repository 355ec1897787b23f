from __future__ import annotations

import io
import json
import logging
from collections.abc import Generator

import pytest
import structlog

from tests.support.timing.waiting import until
from vimesh.cli.base.command_settings import LogFormat, LogLevel, LogSettings
from vimesh.cli.base.terminal import printable
from vimesh.cli.processes import logs
from vimesh.cli.processes.log_limits import EVERY_S, FewAndShort
from vimesh.runtime.complaint_log import ComplaintLog
from vimesh.tracing.current_request import REQUEST_ID, enter_request


@pytest.fixture(autouse=True)
def logging_as_before() -> Generator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines_of(settings: LogSettings, **event: object) -> str:
    stream = io.StringIO()
    logs.set_up(settings, stream)
    structlog.get_logger("vimesh.test").info("it happened", **event)
    logging.getLogger("alembic").info("of no interest")
    logging.getLogger("alembic").warning("of interest")
    return stream.getvalue()


def test_lines_are_json_where_that_is_asked_for() -> None:
    first, second = lines_of(LogSettings(LogLevel.INFO, LogFormat.JSON), count=3).splitlines()

    assert json.loads(first)["event"] == "it happened"
    assert json.loads(first)["count"] == 3
    assert json.loads(second)["event"] == "of interest"


def test_lines_are_logfmt_where_no_terminal_is() -> None:
    line = lines_of(LogSettings(LogLevel.INFO, LogFormat.AUTO), serving=True).splitlines()[0]

    assert 'level=info event="it happened" serving=true' in line


@pytest.mark.parametrize("format_", [LogFormat.JSON, LogFormat.LOGFMT])
async def test_lines_of_a_request_have_its_id_and_the_numbers_about_many_have_none(format_: LogFormat) -> None:
    stream = io.StringIO()
    logs.set_up(LogSettings(LogLevel.INFO, format_), stream)
    limit = FewAndShort(clock=iter((0.0, 1.0, EVERY_S)).__next__)
    logging.getLogger("grpc._server").filters = [limit]
    structlog.get_logger("vimesh.test").info("started")
    complaints = ComplaintLog("dropped", max_lines=1, period_s=0.01)

    enter_request([("x-other", b""), (REQUEST_ID, "of-the-call")])
    for _ in range(3):
        complaints.add(why="unreadable")
        logging.getLogger("grpc._server").warning("invalid")
    await until(lambda: stream.getvalue().count("dropped") == 2, 10)

    lines = [keys_of(line, format_) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line.get("request_id"), line.get("left_out")) for line in lines] == [
        ("started", None, None),
        ("dropped", "of-the-call", None),
        ("invalid", "of-the-call", None),
        ("invalid", "of-the-call", "1"),
        ("dropped", None, "2"),
    ]
    assert all({"timestamp", "level", "event"} <= line.keys() for line in lines)


def keys_of(line: str, format_: LogFormat) -> dict[str, str]:
    if format_ is LogFormat.JSON:
        return {key: str(value) for key, value in json.loads(line).items()}
    return dict(word.split("=", 1) for word in line.split())


def test_the_level_leaves_out_what_is_below_it() -> None:
    assert "it happened" not in lines_of(LogSettings(LogLevel.WARNING, LogFormat.LOGFMT))


@pytest.mark.parametrize("format_", [LogFormat.JSON, LogFormat.LOGFMT, LogFormat.CONSOLE])
def test_secrets_are_masked_whoever_logs_them(format_: LogFormat) -> None:
    written = lines_of(
        LogSettings(LogLevel.INFO, format_),
        auth_cred={"password": "hunter2"},
        bearer_token="hunter2",
        url="postgresql://me:hunter2@db/vimesh",
        vim={"extra": {"apiKey": "hunter2"}},
        tried=["http://10.0.0.1/v3?token=hunter2"],
        error=ValueError("amqp://me:hunter2@mq/"),
    )

    assert "hunter2" not in written
    assert "postgresql://me:***@db/vimesh" in written


@pytest.mark.parametrize("format_", [LogFormat.JSON, LogFormat.LOGFMT, LogFormat.CONSOLE])
def test_tracebacks_are_written_without_secrets(format_: LogFormat) -> None:
    stream = io.StringIO()
    logs.set_up(LogSettings(LogLevel.INFO, format_), stream)

    error = ValueError("http://me:hunter2@10.0.0.1/v3 does not answer")
    structlog.get_logger("vimesh.test").error("it failed", exc_info=error)
    logging.getLogger("alembic").error("it failed, too", exc_info=error)

    written = stream.getvalue()
    assert written.count("http://me:***@10.0.0.1/v3 does not answer") == 2
    assert "hunter2" not in written


def test_what_others_wrote_cannot_move_the_cursor() -> None:
    assert printable("a\x1b[2Jb\u202ec") == "a\ufffd[2Jb\ufffdc"
