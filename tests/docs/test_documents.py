"""What the documents tell people to type works, and shows what they show."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.docs import fleet_by_hand
from tests.docs.emptied_fleet import empty_fleet
from tests.docs.shell_blocks import DOCUMENTS, MARK, ROOT, SHELL, Block, blocks, is_as_shown, masked
from tests.docs.terminal import Terminal, terminal_in
from tests.support.callers.commands import clean_environment
from tests.support.callers.running import fleet
from tests.support.clouds.targets import free_port
from tests.support.deployments.fleets import VIMESH
from tests.support.processes.server_nodes import server_folder
from tests.support.sql.postgresql import running_postgresql
from tests.tacker.site import Site

# The longest have 45 commands, each of which starts a Python.
pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]
_T = TypeVar("_T")

_START_CLOUD = """python -m http.server 5000 --bind 127.0.0.1 >cloud.log 2>&1 & cloud=$!
until curl 127.0.0.1:5000 >/dev/null 2>&1; do kill -0 $cloud && sleep 0.05 || break; done; kill -0 $cloud"""
_SCRAPED = "promtool query instant http://127.0.0.1:9090 'fleet:vimesh_vims:sum and on () (count(up == 1) == 3)'"
_ALERTS = "amtool --alertmanager.url http://127.0.0.1:9093 alert query"
_BEFORE = {
    # What is typed by hand comes after the first scrapes and evaluations.
    "promtool query": f"until {_SCRAPED} | grep -q fleet; do kill -0 ${{servers[@]}} && sleep 0.2 || break; done",
    "amtool": f"until {_ALERTS} | grep -q Watchdog; do kill -0 ${{servers[@]}} && sleep 0.2 || break; done",
    "vimesh vim list -c NAME": """vimesh vim register faro --type openstack --auth-url http://127.0.0.1:5000/v3
vimesh vim register porto --type kubernetes --auth-url http://127.0.0.1:9
vimesh vim wait faro --for REACHABLE && vimesh vim wait porto --for UNREACHABLE""",
    "vimesh vim wait lab --for UNREACHABLE": "kill $cloud; wait $cloud 2>/dev/null; true",
    # A VIM shares the probes of another one, and so what they found before the cloud was back.
    "curl --json": _START_CLOUD,
    "openstack vim list": "vimesh vim wait lab --for REACHABLE",
    # As the bridge reports for an action that knows only its VIM.
    "vimesh vim set lab --engine embedded": """vim=2204c810-2fa7-48c8-a59c-ba743d53cd08
vimesh vim register lab --type openstack --auth-url http://127.0.0.1:5000/v3 --engine external --id $vim
grpcurl -plaintext -d '{"vim_id": "'$vim'", "status": "REACHABLE", "action_id": "'$vim'"}' \\
  127.0.0.1:7600 vimesh.v1.ConductorService/UpdateVim""",
}
"""What readers do elsewhere, or wait for, before they type a command that begins like this."""

_SERVERS = {
    "make up": "vimesh is up",
    "vimesh api": "api is serving",
    "vimesh console": "console is serving",
    "prometheus --config": "Server is ready to receive web requests",
    "prometheus-alertmanager": "Listening on",
}
"""What goes on until Ctrl-C, in a terminal of its own, and what it says when it is ready."""

_ENDLESS = ("curl -N",)
"""What goes on, too, but is looked at for a moment only."""

_FAILING = {
    "openstack vim register --config-file samples/vim-openstack.yaml lab": 1,
    "vimesh import tacker": 4,
    "vimesh vim list --filter 'status = UP": 2,
    "vimesh vim set eu-1 --method ping": 1,
}
"""What is shown not to succeed, or not wholly, and how it exits. All else has to exit with 0."""


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Give the address of a fleet to all documents, each of which begins with an empty one."""
    with fleet(tmp_path_factory.mktemp("fleet"), "--conductors", "1") as up:
        yield up.address


def _instead(front: str) -> dict[str, str]:
    """Return what is ours for what is in the documents, the samples and the fleet file."""
    ports = set[int]()
    while len(ports) < 7:
        ports.add(free_port())
    cloud, up, api, console, metrics, prometheus, alertmanager = map(str, ports)
    return {
        "127.0.0.1:7600": front,
        "127.0.0.1:7602": f"127.0.0.1:{api}",
        "127.0.0.1:7603": f"127.0.0.1:{console}",
        "http.server 5000": f"http.server {cloud}",
        **dict.fromkeys(("127.0.0.1:5000", "10.0.0.5:5000", "10.0.0.6:5000", "10.0.0.6:6443"), f"127.0.0.1:{cloud}"),
        "mistral:8989": "127.0.0.1:9",
        "make up ARGS=--insecure": f"vimesh up --insecure --conductors 1 --port {up} --metrics-port {metrics}",
        "127.0.0.1:9464": f"127.0.0.1:{metrics}",
        "127.0.0.1:9090": f"127.0.0.1:{prometheus}",
        # What it sends before it has looked for Alertmanagers, it would send again after a minute.
        "=127.0.0.1:9090": f"=127.0.0.1:{prometheus} --rules.alert.resend-delay=1s",
        "127.0.0.1:9093": f"127.0.0.1:{alertmanager}",
        "interval: 15s": "interval: 1s",  # in deploy/prometheus/prometheus.yaml
        # `make check` has installed what these would.
        **dict.fromkeys(("npm install", "pip install '.[cli,import]'"), "true"),
    }


def _is_run(block: Block) -> bool:
    return block.language in SHELL and not block.reason


def test_each_block_has_a_language_and_each_mark_a_shell_block() -> None:
    for document in DOCUMENTS:
        lines, found = document.read_text().splitlines(), blocks(document)
        fences = sum(line.lstrip().startswith(("```", "~~~")) for line in lines)
        assert fences == 2 * len(found), f"{document.name}: a block does not begin and end with ``` of its own"
        marks = sum(line.startswith(MARK) for line in lines)
        for block in found:
            assert block.language, f"{block.place}: what is it? `text`, if nothing else"
            assert block.language not in {"bash", "shell", "zsh"}, f"{block.place}: `console` or `sh`"
            if block.language in SHELL:
                assert block.reason or block.commands, f"{block.place}: there is no command after `$ `"
                marks -= bool(block.reason)
            else:
                assert not any(line.startswith("$ ") for line in block.lines), f"{block.place}: `console`"
        assert marks == 0, f"{document.name}: a mark has no shell block right below it"


@pytest.mark.parametrize(
    "document",
    [document for document in DOCUMENTS if document not in fleet_by_hand.PAGES and any(map(_is_run, blocks(document)))],
    ids=lambda document: str(document.relative_to(ROOT)),
)
async def test_what_a_document_says_to_type_shows_what_it_shows(document: Path, front: str, tmp_path: Path) -> None:
    ids = dict[str, str]()
    async with _checkout(document, front, tmp_path) as terminal:
        for block in filter(_is_run, blocks(document)):
            for command in block.commands:
                came = await _follow(terminal, command.typed)
                as_shown = not command.shown or is_as_shown(command.shown, came, ids)
                assert as_shown, f"{block.place}: {command.typed}\n{masked(command.shown)}\nis not\n{masked(came)}"
                terminal.instead.update(ids)
        await terminal.check_servers()


async def _follow(terminal: Terminal, typed: str) -> str:
    if before := _of(typed, _BEFORE):
        await terminal.type(before)
    if ready := _of(typed, _SERVERS):
        await terminal.start(typed, ready)
        return ""
    if typed.startswith(_ENDLESS):
        return await terminal.type(f"timeout --signal=INT 1 {typed}", code=124)
    return await terminal.type(typed, _of(typed, _FAILING) or 0)


def _of(typed: str, table: Mapping[str, _T]) -> _T | None:
    return next((value for start, value in table.items() if typed.startswith(start)), None)


@asynccontextmanager
async def _checkout(document: Path, front: str, folder: Path) -> AsyncGenerator[Terminal]:
    """Open a terminal beside a fleet and a cloud, in a folder with what a checkout has."""
    async with AsyncExitStack() as stack:
        instead = _instead(front)
        environment = clean_environment(
            PYTHONWARNINGS="",
            HOME=str(folder),
            XDG_CONFIG_HOME="",
            PATH=os.pathsep.join(
                [
                    *(str(folder / "bin"), str(VIMESH.parent), str(ROOT / ".cache/openstack/bin")),
                    *(str(ROOT / ".cache/ansible/bin"), os.environ["PATH"]),
                ]
            ),
            VIMESH_ADDRESS=front,
            VIMESH_API_LISTEN=f"127.0.0.1:{free_port()}",
        )
        if document.stem == "databases":
            node = await stack.enter_async_context(running_postgresql(stack.enter_context(server_folder())))
            instead["127.0.0.1:5432"] = f"127.0.0.1:{node.port}"
            environment |= {"PGHOST": "127.0.0.1", "PGPORT": str(node.port), "PGUSER": "postgres"}
        if document.stem == "migrate-from-tacker":
            instead |= _tacker(folder)
        terminal = await stack.enter_async_context(terminal_in(folder, environment, instead))
        _fill(folder, terminal)
        await empty_fleet(front)
        await terminal.type(_START_CLOUD)
        yield terminal


def _fill(folder: Path, terminal: Terminal) -> None:
    for name in ("samples", "deploy"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("node_modules", "build", "dist"))
    for name in ("gen", "samples/node/node_modules"):
        (folder / name).symlink_to(ROOT / name)
    for file in (*folder.glob("samples/vim*"), folder / "deploy/prometheus/prometheus.yaml"):
        file.write_text(terminal.as_typed(file.read_text()))
    # A client of our own with the arguments of grpcurl, of which no package index has a maintained release.
    grpcurl = folder / "bin/grpcurl"
    grpcurl.parent.mkdir()
    grpcurl.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/tests/support/callers/grpcurl.py "$@"\n')
    grpcurl.chmod(0o755)
    # As on a terminal, curl shows no progress; and a refusal of the front is a failure.
    (folder / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n")


def _tacker(folder: Path) -> dict[str, str]:
    """Make a Tacker's database. Returns what leads to it."""
    site = Site(f"sqlite:///{folder / 'tacker.sqlite'}", folder / "fernet_keys")
    site.openstack(name="os1", tenant_id="tenant-1", auth_url="http://10.1.2.3:5000/v3")
    site.kubernetes(name="k1", tenant_id="tenant-1", auth_url="https://10.1.2.4:6443")
    return {"mysql+pymysql://tacker:secret@10.0.0.9/tacker": site.url, "/etc/tacker/vim/fernet_keys": str(site.keys)}
