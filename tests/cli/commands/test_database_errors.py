"""A database that cannot be used: every command says the same, names where it is, and ends with 5."""

from __future__ import annotations

import pytest

from tests.support.callers.commands import Command, Ended
from tests.support.clouds.targets import free_port

SECRET = "S3cret!"
COMMANDS = (
    ("db", "upgrade"),
    ("db", "current"),
    ("db", "check"),
    ("db", "compact"),
    ("conductor", "--listen", "127.0.0.1:0", "--key-file", "fleet.key"),
)


def said_by_all(vimesh: Command, url: str) -> str:
    vimesh("db", "make-key", "fleet.key")
    done = [vimesh(*command, "--database-url", url) for command in COMMANDS]
    assert [each.code for each in done] == [5] * len(COMMANDS), [each.err for each in done]
    words = {_error(each) for each in done}
    assert len(words) == 1, words
    assert not any("Traceback" in each.err or SECRET in each.err for each in done)
    return words.pop()


def _error(done: Ended) -> str:
    return next(line for line in done.err.splitlines() if line.startswith("error: "))


@pytest.mark.parametrize("kind", ["postgresql", "mysql+pymysql"])
def test_a_server_that_is_down(vimesh: Command, kind: str) -> None:
    port = free_port()

    said = said_by_all(vimesh, f"{kind}://vimesh:{SECRET}@127.0.0.1:{port}/vimesh")

    assert said == (
        f"error: cannot connect to database vimesh: 127.0.0.1:{port}: connection refused: no server listens there"
    )


def test_all_hosts_are_named(vimesh: Command) -> None:
    ports = free_port(), free_port()

    said = said_by_all(vimesh, f"postgresql://u:{SECRET}@127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}/vimesh")

    assert all(f"127.0.0.1:{port}: connection refused" in said for port in ports)


def test_a_url_that_cannot_be_read_is_a_wrong_setting(vimesh: Command) -> None:
    for command in (("db", "upgrade"), ("db", "check")):
        done = vimesh(*command, "--database-url", f"postgresql://u:{SECRET}@h/vimesh?sslmodus=require")
        assert (done.code, SECRET in done.err) == (1, False)
        assert "sslmodus is not taken in a URL of PostgreSQL; taken are application_name, " in done.err
