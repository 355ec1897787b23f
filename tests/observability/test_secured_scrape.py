"""A real Prometheus reads a process that asks for a certificate, with the example for fleets of several machines."""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from tests.support.callers.running import running
from tests.support.observability.prometheus_server import running_prometheus
from tests.support.timing.waiting import eventually

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(180)]

_WITHIN_S = 60
_PORT = re.compile(r" port=(\d+)")
_DATABASE = "sqlite:///vimesh.sqlite"
_FILES = {"ca": "ca.crt", "cert": "tls.crt", "key": "tls.key"}


@pytest.fixture
def metrics_port(tmp_path: Path) -> Generator[int]:
    """Run a conductor with certificates, which serves metrics to other machines."""
    vimesh = Command(tmp_path)
    for words in (
        ("certs", "init"),
        ("certs", "issue", "conductor", "c1", "--host", "127.0.0.1"),
        ("certs", "issue", "cli", "reader.prometheus"),
        ("certs", "issue", "monitor", "m1"),
        ("db", "make-key", "key"),
        ("db", "upgrade", "--database-url", _DATABASE),
    ):
        ended = vimesh(*words)
        assert ended.code == 0, ended.err
    flags = ("--listen", "127.0.0.1:0", "--database-url", _DATABASE, "--key-file", "key", "--metrics", "0.0.0.0:0")
    with running(tmp_path, "conductor", *flags, "--credentials", "certs/conductor/c1") as conductor:
        port = _PORT.search(conductor.line_with("metrics are served"))
        assert port is not None
        conductor.line_with("conductor is serving")
        yield int(port[1])


@pytest.mark.parametrize(("identity", "vims"), [("cli/reader.prometheus", "up"), ("monitor/m1", "down")])
async def test_prometheus_reads_by_the_certificate_that_it_shows(
    metrics_port: int, tmp_path: Path, identity: str, vims: str
) -> None:
    folder = tmp_path / "certs" / identity
    files = {f"{name}_file": str(folder / file) for name, file in _FILES.items()}
    target = {"targets": [f"127.0.0.1:{metrics_port}"], "labels": {"fleet": "mesh", "process": "c1"}}
    jobs = {name: {"static_configs": [target], "tls_config": files} for name in ("vimesh", "vimesh-vims")}

    async with running_prometheus(
        tmp_path / "prometheus",
        jobs | {"vimesh-front": {"static_configs": []}},
        alertmanager="127.0.0.1:9",
        example="secured-prometheus.yaml",
    ) as prometheus:

        async def scraped() -> bool:
            targets = await prometheus.targets()
            return len(targets) == len(jobs) and "unknown" not in targets.values()

        await eventually(scraped, _WITHIN_S)
        targets = await prometheus.targets()
        assert targets["vimesh c1"] == "up"
        assert targets["vimesh-vims c1"].partition(":")[0] == vims
        assert await prometheus.values_by("vimesh_certificate_not_after_seconds > time()", "file")
