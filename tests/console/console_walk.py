"""What the tests of the console share: a fleet, a browser, and VIMs whose statuses they report themselves."""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc

from tests.support.callers.browser import Browser, Tab
from tests.support.callers.running import Fleet
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.condition_pb2 import Certificate, Condition
from vimesh.v1.conductor_service_pb2 import ReportConditionsRequest, UpdateVimRequest, VimConditions
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.history_service_pb2_grpc import HistoryServiceStub
from vimesh.v1.maintenance_service_pb2_grpc import MaintenanceServiceStub
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

ROOT: Final = Path(__file__).parents[2]
WEB: Final = ROOT / "services/vimesh/console/web"
BUNDLE: Final = ROOT / "services/vimesh/console/bundle"
Vim = vim_pb2.Vim


def page(fleet: Fleet, path: str = "/") -> str:
    """Return the address of a page of the console."""
    return f"http://{fleet.address}/console/#{path}"


class Reporter:
    """Registers VIMs whose ping actions run elsewhere: here. So a test says what their statuses are, and when."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.vims = VimServiceStub(channel)
        self.maintenance = MaintenanceServiceStub(channel)
        self.history = HistoryServiceStub(channel)
        self._conductor = ConductorServiceStub(channel)
        self._observation = 0

    def register(self, name: str, description: str = "", **labels: str) -> str:
        return self.vims.RegisterVim(_registration(name, description, labels), timeout=60).vim.id

    def register_many(self, names: Sequence[str]) -> None:
        request = pb.RegisterVimsRequest(requests=[_registration(name) for name in names])
        results = self.vims.RegisterVims(request, timeout=60).results
        assert [result.WhichOneof("outcome") for result in results] == ["registered"] * len(names)

    def names(self) -> set[str]:
        request = pb.ListVimsRequest(page_size=1000)
        return {vim.name for vim in self.vims.ListVims(request, timeout=60).vims}

    def deregister_all(self) -> None:
        request = pb.DeregisterVimsRequest(filter='name = "*"')
        while True:
            request.page_token = self.vims.DeregisterVims(request, timeout=60, wait_for_ready=True).next_page_token
            if not request.page_token:
                break

    def report(self, vim_id: str, status: Vim.Status.ValueType, reason: str = "", detail: str = "") -> None:
        self._observation += 1
        request = UpdateVimRequest(
            vim_id=vim_id,
            action_id=vim_id,
            status=status,
            reason=reason,
            detail=detail,
            observation=self._observation,
        )
        answer = self._conductor.UpdateVim(request, timeout=60, wait_for_ready=True)
        assert answer.WhichOneof("outcome") == "status"

    def see(self, vim_id: str, *conditions: Condition, certificate: Certificate | None = None) -> None:
        """Report conditions of a VIM."""
        entry = VimConditions(vim_id=vim_id, action_id=vim_id, conditions=conditions, certificate=certificate)
        answer = self._conductor.ReportConditions(
            ReportConditionsRequest(vims=[entry]), timeout=60, wait_for_ready=True
        )
        assert [one.WhichOneof("outcome") for one in answer.outcomes] == ["recorded"]


def _registration(name: str, description: str = "", labels: Mapping[str, str] | None = None) -> pb.RegisterVimRequest:
    auth_url = "http://198.51.100.7:5000/v3"
    vim = Vim(name=name, type="openstack", auth_url=auth_url, description=description, labels=labels)
    return pb.RegisterVimRequest(vim=vim, engine=vim_pb2.Monitor.EXTERNAL, request_id=str(uuid.uuid4()))


@contextmanager
def reporter_at(address: str) -> Generator[Reporter]:
    retry = {
        "maxAttempts": 5,
        "initialBackoff": "0.5s",
        "maxBackoff": "10s",
        "backoffMultiplier": 3,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    config = json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": retry}]})
    # The tests kill conductors, and this is not what they are about.
    with grpc.insecure_channel(address, (("grpc.service_config", config),)) as channel:
        yield Reporter(channel)


def count_of(tab: Tab, status: str) -> int:
    """Return how many VIMs the overview says have a status."""
    return int(tab.look(f"document.querySelector('.count.{status} b').textContent.replaceAll(/\\D/g, '')"))


def until_count(tab: Tab, status: str, count: int) -> None:
    tab.until(f"document.querySelector('.count.{status} b')?.textContent.replaceAll(/\\D/g, '') === '{count}'")


def hold_call(tab: Tab, method: str, number: int) -> None:
    """Let a call of the page wait, the nth of its method, until `window.release()`, which is there once it is made."""
    tab.look(
        f"""window.calls = 0; delete window.release;
        window.fetch = (before => (...sent) =>
            String(sent[0]?.url ?? sent[0]).endsWith("/{method}") && ++window.calls === {number}
                ? new Promise(resolve => window.release = resolve).then(() => before(...sent))
                : before(...sent))(window.fetch); 0"""
    )


def tab_with_gate(browser: Browser, url: str) -> Tab:
    """Open a page whose watches tell it nothing while `window.isShut`; `window.heard` is what they said, as text."""
    tab = browser.tab("about:blank")
    gate = """window.heard = "";
        window.fetch = (before => async (...sent) => {
            const answer = await before(...sent);
            if (!answer.url.endsWith("/WatchVims")) return answer;
            const gate = new TransformStream({transform(chunk, to) {
                window.heard += new TextDecoder().decode(chunk);
                if (!window.isShut) to.enqueue(chunk);
            }});
            return new Response(answer.body.pipeThrough(gate), answer);
        })(window.fetch)"""
    tab.call("Page.addScriptToEvaluateOnNewDocument", source=gate)
    tab.go(url)
    return tab


def violations_of(tab: Tab) -> list[str]:
    """Return what axe-core finds wrong with the page as it is."""
    tab.look((WEB / "node_modules/axe-core/axe.min.js").read_text() + ";0")
    found = tab.look("axe.run().then(({violations}) => violations.map(one => one.id + ' ' + one.nodes[0].html))")
    assert isinstance(found, list)
    return [json.dumps(one) for one in found]
