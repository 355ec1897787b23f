"""Runs a conductor built like OpenStack's services: oslo.messaging over RabbitMQ, and SQLAlchemy's ORM.

Run by an interpreter that has those, and nothing of ours. Each call is a session: select the VIM, compare the action,
update the status, commit. It does less than ours: no event, no revision, no lease.
"""

from __future__ import annotations

import argparse
import datetime as dt
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import oslo_messaging
from oslo_config import cfg
from sqlalchemy import DateTime, Engine, String, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Vim(Base):
    __tablename__ = "vims"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    action_id: Mapped[str] = mapped_column(String(36))
    status: Mapped[str] = mapped_column(String(16), index=True)
    updated_at: Mapped[dt.datetime | None] = mapped_column(DateTime)


class Conductor:
    target = oslo_messaging.Target(version="1.0")

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def empty(self, _context: object) -> None:
        pass

    def update_vim(self, _context: object, vim_id: str, status: str, action_id: str) -> str:
        with self._sessions.begin() as session:
            vim = session.get(Vim, vim_id, with_for_update=True)
            if vim is None or vim.action_id != action_id:
                return "bad_action"
            vim.status = status
            vim.updated_at = dt.datetime.now(dt.UTC)
        return status


def _engine(path: Path) -> Engine:
    # One connection, which the threads take in turn. SQLite has one writer at a time anyway, and connections that wait
    # for its lock poll it, ever more rarely: with one for each thread this was far slower.
    engine = create_engine(f"sqlite:///{path}", pool_size=1, max_overflow=0)

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:  # noqa: ANN401 - of sqlite3
        connection.isolation_level = None  # BEGIN is issued below
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:  # noqa: ANN401
        # A transaction that reads first and writes later fails next to others, unless it takes the lock at once.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("database", type=Path)
    parser.add_argument("vims", type=Path)
    given = parser.parse_args()
    engine = _engine(given.database)
    Base.metadata.create_all(engine)
    sessions = sessionmaker(engine)
    with sessions.begin() as session:
        rows = (row.split() for row in given.vims.read_text().splitlines())
        session.add_all(Vim(id=vim_id, action_id=action_id, status="REACHABLE") for vim_id, action_id in rows)
    # Its options are registered on the global configuration only.
    cfg.CONF([], project="benchmark")
    transport = oslo_messaging.get_rpc_transport(cfg.CONF, url=given.url)
    target = oslo_messaging.Target(topic="conductor", server="one")
    server = oslo_messaging.get_rpc_server(transport, target, [Conductor(sessions)], executor="threading")
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    server.start()
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    stopping.wait()
    server.stop()
    server.wait()


if __name__ == "__main__":
    main()
