from __future__ import annotations

import asyncio
import uuid
from collections.abc import Generator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text

from tests.support.callers.commands import Command
from tests.support.deployments.conductor_process import Conductor, conductor_in
from tests.support.sql.mariadb import MariaDb, running_mariadb
from tests.tacker.site import Site, with_pymysql


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Generator[MariaDb]:
    """Give one node to all tests: the command runs a loop of its own, so the node's loop stands still meanwhile."""
    with asyncio.Runner() as runner:
        node = running_mariadb(tmp_path_factory.mktemp("mariadb"))
        yield runner.run(node.__aenter__())
        runner.run(node.__aexit__(None, None, None))


@pytest.fixture
def site(mariadb: MariaDb, tmp_path: Path) -> Site:
    """Give a Tacker without VIMs, on MariaDB."""
    name = f"tacker_{uuid.uuid4().hex}"
    with create_engine(with_pymysql(mariadb.url("")), poolclass=NullPool).begin() as connection:
        connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    return Site(mariadb.url(name), tmp_path / "fernet_keys")


@pytest.fixture
def small_site(tmp_path: Path) -> Site:
    """Give the same in a file."""
    return Site(f"sqlite:///{tmp_path / 'tacker.sqlite'}", tmp_path / "fernet_keys")


@pytest.fixture(scope="session")
def conductor(tmp_path_factory: pytest.TempPathFactory) -> Generator[Conductor]:
    with conductor_in(tmp_path_factory.mktemp("conductor")) as serving:
        yield serving


@pytest.fixture
def vimesh(conductor: Conductor, tmp_path: Path) -> Command:
    return conductor.user(tmp_path)


@pytest.fixture
def project() -> str:
    """Give a project of its own to each test: they share the conductor."""
    return uuid.uuid4().hex
