"""The console in a real browser: what a newcomer does, what happens when conductors die, and what must not happen."""

from __future__ import annotations

import gzip
import json
import os
import signal
from collections.abc import Generator

import pytest
from google.protobuf.duration_pb2 import Duration

from tests.console.console_walk import (
    BUNDLE,
    Reporter,
    count_of,
    hold_call,
    page,
    reporter_at,
    tab_with_gate,
    until_count,
    violations_of,
)
from tests.support.callers.browser import Browser, Tab, running_browser
from tests.support.callers.chromium import chromium
from tests.support.callers.running import Fleet, fleet
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.condition_pb2 import Certificate, Condition
from vimesh.v1.maintenance_service_pb2 import CreateMaintenanceWindowRequest, MaintenanceWindow

BINARY = chromium()
MARKUP = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>'
_MOST_BYTES = 150_000
_STATUSES = vim_pb2.Vim

pytestmark = [
    pytest.mark.fleet,
    pytest.mark.timeout(400),
    pytest.mark.skipif(BINARY is None, reason="no Chromium is installed here"),
    pytest.mark.skipif(not (BUNDLE / "index.html").exists(), reason="`make console` makes what is tested here"),
]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Generator[Fleet]:
    with fleet(tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Generator[Browser]:
    assert BINARY is not None
    with running_browser(BINARY, tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture(autouse=True)
def reporter(up: Fleet) -> Generator[Reporter]:
    with reporter_at(up.address) as made:
        yield made
        made.deregister_all()


def test_a_newcomer_registers_finds_changes_and_deregisters_a_vim(up: Fleet, browser: Browser) -> None:
    tab = browser.tab(page(up))
    tab.until_text("There are no VIMs yet.")
    tab.click("main a", "Register the first one")
    tab.type("#field-name", "lab")
    tab.type("#field-auth_url", "ftp://127.0.0.1:9/v3")
    tab.click("form button[type=submit]")
    # The words of the fleet are at the field that they are about.
    tab.until("document.getElementById('fault-auth_url')?.textContent.includes('http')")
    assert tab.look("document.getElementById('field-auth_url').ariaInvalid") == "true"

    tab.type("#field-auth_url", "http://127.0.0.1:9/v3")
    tab.click("form button[type=submit]")
    tab.until("location.hash.startsWith('#/vims/')")
    tab.until_text("lab", "unreachable", "REFUSED", "valid for another")

    tab.click("main button", "Edit")
    tab.type("[id='field-probe_policy.interval']", "2h")
    tab.click("form button[type=submit]")
    tab.until("document.getElementById('fault-probe_policy.interval')?.textContent")
    tab.type("[id='field-probe_policy.interval']", "5s")
    tab.click("form button[type=submit]")
    tab.until("!document.querySelector('form.vim-form')")
    tab.until_text("modified: probe_policy")

    tab.click("nav a", "VIMs")
    tab.type("#filter", "status = UP")
    tab.click(".filter button[type=submit]")
    tab.until_text("status must be one of PENDING, REACHABLE, UNREACHABLE, UNKNOWN", "at character 10")
    tab.type("#filter", 'name = "l*" AND status != REACHABLE')
    tab.click(".filter button[type=submit]")
    tab.until("document.querySelectorAll('tr[data-vim]').length === 1")
    tab.click("tr[data-vim] input")
    tab.click(".selection button", "Deregister")
    assert tab.look("document.querySelector('dialog button.danger').disabled")
    tab.type("dialog input", "1")
    tab.click("dialog button.danger")
    tab.until_text("1 done")
    tab.click("dialog button", "Close")
    tab.until_text("No VIM matches.")
    tab.click("nav a", "Overview")
    tab.until_text("There are no VIMs yet.", "deregistered")
    assert tab.faults == []
    tab.close()


def test_conductors_that_die_under_the_page_cost_it_no_change(up: Fleet, browser: Browser, reporter: Reporter) -> None:
    ids = [reporter.register(f"steady-{number:02}") for number in range(6)]
    for vim_id in ids:
        reporter.report(vim_id, _STATUSES.REACHABLE)
    tab = browser.tab(page(up))
    until_count(tab, "reachable", 6)
    tab.look("window.before = true")
    for name in ("conductor-1", "conductor-2"):
        os.kill(up.pid_of(name), signal.SIGKILL)
        for vim_id in ids:
            reporter.report(vim_id, _STATUSES.UNREACHABLE, "TIMEOUT")
        until_count(tab, "unreachable", 6)
        for vim_id in ids:
            reporter.report(vim_id, _STATUSES.REACHABLE)
        until_count(tab, "reachable", 6)
        up.line_with(name, "conductor is serving", within_s=120)

    newest = reporter.vims.ListVimEvents(pb.ListVimEventsRequest(page_size=20), timeout=20).events
    shown = "[...document.querySelectorAll('tr[data-revision]')].map(row => row.dataset.revision)"
    assert tab.look(shown) == [str(event.revision) for event in newest]
    # It is still the page that was loaded first.
    assert tab.look("window.before") is True
    assert sum(url.endswith("/console/") for url in tab.requests) == 1
    assert tab.faults == []
    tab.close()


def test_what_nobody_vouches_for_any_more_looks_stale(up: Fleet, browser: Browser, reporter: Reporter) -> None:
    reporter.report(reporter.register("steady"), _STATUSES.REACHABLE)
    tab = browser.tab(page(up))
    until_count(tab, "reachable", 1)
    tab.until_text("Live")
    envoy = up.pid_of("envoy")
    os.kill(envoy, signal.SIGSTOP)
    try:
        # The page is silent, and its clock goes on. The lease of the status is half a minute.
        tab.look("Date.now = (now => () => now() + 13_000)(Date.now); 0")
        tab.until_text("No contact since")
        assert "stale" not in tab.text()
        tab.look("Date.now = (now => () => now() + 60_000)(Date.now); 0")
        tab.until_text("1 stale")
        assert count_of(tab, "reachable") == 1
    finally:
        os.kill(envoy, signal.SIGCONT)
    tab.until("!document.body.innerText.includes('stale') && document.querySelector('.state.live')")
    tab.close()


def test_markup_in_names_and_reasons_is_text(up: Fleet, browser: Browser, reporter: Reporter) -> None:
    vim_id = reporter.register(MARKUP, MARKUP, owner="nfv")
    reporter.report(vim_id, _STATUSES.UNREACHABLE, "TIMEOUT", MARKUP)
    window = MaintenanceWindow(reason=MARKUP, vim_ids=[vim_id], duration=Duration(seconds=600))
    reporter.maintenance.CreateMaintenanceWindow(CreateMaintenanceWindowRequest(window=window), timeout=20)
    tab = browser.tab(page(up))
    tab.until_text(MARKUP)
    for path, times in (("/vims", 1), ("/maintenance", 1), (f"/vims/{vim_id}", 5)):
        tab.go(page(up, path))
        tab.until(f"document.body.innerText.split({json.dumps(MARKUP)}).length > {times}")
    assert tab.look("window.broken") is None
    assert tab.faults == []
    reporter.vims.DeregisterVim(pb.DeregisterVimRequest(vim_id=vim_id), timeout=20)
    tab.until_text("This VIM does not exist, or was deregistered.")
    tab.close()


def test_what_vims_were_lost_with_leads_from_page_to_page(up: Fleet, browser: Browser, reporter: Reporter) -> None:
    tab = browser.tab(page(up), width=360)
    lost, path = _lost_together(tab, up, reporter)
    found = violations_of(tab)
    tab.click("nav a", "Overview")
    tab.until_text("3 VIMs lost, TIMEOUT, for ")
    found += violations_of(tab)
    tab.click(f"[data-cause] a[href='#{path}']")
    tab.until_text("VIMs that are still lost", "lasts")
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert found + violations_of(tab) == []
    assert tab.look("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    tab.click("tbody a", "rack-1")
    tab.until_text("Lost together with others: ")
    tab.look("localStorage.setItem('vimesh.columns', 'name,cause')")
    tab.click("nav a", "VIMs")
    # What is above the rows has its place once both answers are there.
    tab.until("document.querySelector('tr[data-vim]') && document.body.innerText.includes('3 of 3 loaded')")
    tab.click(f"tr[data-vim='{lost[2]}'] a[href='#{path}']")

    # Who is found again leaves it, and it ends when the last one is.
    for vim_id in lost:
        reporter.report(vim_id, _STATUSES.REACHABLE)
    tab.until_text("At most a fifth of its VIMs was still lost when it ended.", "over")
    tab.click("nav a", "Causes")
    tab.until(f"document.querySelector('main h2') && !document.querySelector('a[href=\"#{path}\"]')")
    tab.click("main input[type=checkbox]")
    tab.until(f"document.querySelector('a[href=\"#{path}\"]')")
    assert tab.faults == []
    tab.close()


def _lost_together(tab: Tab, fleet: Fleet, reporter: Reporter) -> tuple[list[str], str]:
    """Have three VIMs of a rack lost. Return their ids, and the path of the page of their cause."""
    lost = [reporter.register(f"rack-{number}", rack="a7") for number in range(3)]
    for vim_id in lost:
        reporter.report(vim_id, _STATUSES.UNREACHABLE, "TIMEOUT")
    tab.go(page(fleet, "/causes"))
    row = "[...document.querySelectorAll('tr[data-cause]')].find(row => row.cells[2].innerText === '3')"
    return lost, f"/causes/{tab.until(f'{row}?.dataset.cause')}"


def test_a_monitor_that_loses_all_it_probes_is_named(up: Fleet, browser: Browser, reporter: Reporter) -> None:
    for number in range(1, 4):
        lost = vim_pb2.Vim(name=f"lost-{number}", type="openstack", auth_url=f"http://127.0.0.{number}:9/v3")
        reporter.vims.RegisterVim(pb.RegisterVimRequest(vim=lost), timeout=60)
    tab = browser.tab(page(up, "/causes"))
    tab.click("tr[data-cause] a", "monitor ")
    tab.until_text("the VIMs may be well", f" {up.pid_of('monitor')}, at the vantage default")
    assert tab.faults == []
    tab.close()


def test_a_vim_shows_its_conditions_and_its_certificate(up: Fleet, browser: Browser, reporter: Reporter) -> None:
    vim_id, deep = reporter.register("lab"), vim_pb2.ProbePolicy(depth=vim_pb2.ProbePolicy.SERVICE)
    reporter.vims.ModifyVim(pb.ModifyVimRequest(vim=vim_pb2.Vim(id=vim_id, probe_policy=deep)), timeout=60)
    # Another policy has another action: the old one is that of an EXTERNAL VIM again if it is moved there anew.
    reporter.vims.ModifyVim(
        pb.ModifyVimRequest(vim=vim_pb2.Vim(id=vim_id), engine=vim_pb2.Monitor.EXTERNAL), timeout=60
    )
    reporter.report(vim_id, _STATUSES.REACHABLE)
    certificate = Certificate(subject=MARKUP, issuer="CN=An issuer", names=["a.example.org"])
    certificate.not_before.FromSeconds(1)
    certificate.not_after.FromSeconds(4_000_000_000)
    not_ready = Condition(type="ServiceReady", status=Condition.FALSE, reason="NOT_READY", message=MARKUP)
    reporter.see(vim_id, not_ready, Condition(type="CertificateValid", status=Condition.TRUE), certificate=certificate)

    tab = browser.tab(page(up, f"/vims/{vim_id}"), width=360)
    tab.until("document.querySelector('[data-condition=ServiceReady] td.bad')")
    shown = (
        "[...document.querySelectorAll('[data-condition]')].map(row => [0, 1, 2].map(at => row.cells[at].innerText))"
    )
    assert tab.look(shown) == [
        ["CertificateValid", "true", ""],
        ["Reachable", "true", ""],
        ["ServiceReady", "false", "NOT_READY"],
    ]
    tab.until_text("CN=An issuer", "a.example.org", "ServiceReady false (NOT_READY)", "not checked: tls_verify is off")
    reporter.report(vim_id, _STATUSES.UNREACHABLE, "TIMEOUT")
    tab.until("document.querySelector('[data-condition=ServiceReady]').cells[2].innerText === 'NOT_REACHABLE'")
    assert tab.look("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert tab.look("window.broken === undefined")
    assert violations_of(tab) == []
    assert tab.faults == []
    tab.close()


def test_a_vim_of_several_vantages_says_what_each_of_them_says(up: Fleet, browser: Browser, reporter: Reporter) -> None:
    tab = browser.tab(page(up, "/register"), width=360)
    tab.type("#field-name", "lab")
    tab.type("#field-auth_url", "http://127.0.0.1:9/v3")
    for field, wrong, right in (("vantages", "default, no/where", "default, nowhere"), ("quorum", "3", "2")):
        tab.type(f"[id='field-probe_policy.{field}']", wrong)
        tab.click("form button[type=submit]")
        tab.until(f"document.getElementById('fault-probe_policy.{field}')?.textContent")
        tab.type(f"[id='field-probe_policy.{field}']", right)
    tab.click("form button[type=submit]")
    tab.until("location.hash.startsWith('#/vims/')")
    tab.until_text(
        "1 says unreachable, 1 cannot tell. 2 have to agree, and too few can tell", "default says unreachable"
    )
    shown = "[...document.querySelectorAll('[data-vantage]')].map(row => [1, 2, 6].map(at => row.cells[at].innerText))"
    tab.until("document.querySelector('[data-vantage=nowhere] td.bad')")
    [[*seen, monitor], unseen] = tab.look(shown)
    assert (seen, bool(monitor), unseen) == (["unreachable", "REFUSED"], True, ["pending", "", "none"])
    assert tab.look("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert violations_of(tab) == []

    tab.click("main button", "Probe now")
    tab.until_text("Of 2 vantages, 1 says unreachable, 1 cannot tell. Nothing was recorded")
    seen = "[...document.querySelectorAll('[data-probe]')].map(row => [0, 1, 2].map(at => row.cells[at].innerText))"
    assert tab.look(seen) == [["default", "unreachable", "REFUSED"], ["nowhere", "unknown", "NO_MONITOR"]]
    tab.until_text("No monitor could be asked: none runs there")
    steps = "[...document.querySelectorAll('[data-attempt]')].map(row => [0, 7].map(at => row.cells[at].innerText))"
    assert tab.look(steps) == [["default", "Connection refused"]] * 3
    assert tab.look("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert violations_of(tab) == []
    tab.click("section button", "Close")
    tab.until("!document.querySelector('[data-probe]') && document.activeElement.innerText === 'Probe now'")

    # What becomes of the quorum follows at once.
    tab.click("main button", "Edit")
    tab.type("[id='field-probe_policy.quorum']", "1")
    tab.click("form button[type=submit]")
    tab.until_text("One is enough, so the VIM is unreachable.")
    [lab] = reporter.vims.ListVims(pb.ListVimsRequest(), timeout=20).vims
    assert (list(lab.probe_policy.vantages), lab.probe_policy.quorum) == (["default", "nowhere"], 1)
    assert tab.faults == []
    tab.close()


def test_why_a_vim_cannot_be_probed_now_is_said(up: Fleet, browser: Browser, reporter: Reporter) -> None:
    tab = browser.tab(page(up, f"/vims/{reporter.register('reported-by-others')}"))
    tab.until("document.querySelector('.tools button')")
    # Two clicks of one moment are one question.
    tab.look(
        "window.calls = 0; window.fetch = (before => (...sent) => "
        "(window.calls += String(sent[0]?.url ?? sent[0]).endsWith('/ProbeVim'), before(...sent)))(window.fetch);"
        "document.querySelector('.tools button').click(); document.querySelector('.tools button').click(); 0"
    )
    tab.until_text("its engine is EXTERNAL (PROBED_ELSEWHERE)", "runs outside the fleet's monitors")
    assert tab.look("window.calls") == 1
    assert tab.faults == []
    tab.close()


def test_a_vim_is_explained_and_the_explanation_follows_it(up: Fleet, browser: Browser, reporter: Reporter) -> None:
    vim_id = reporter.register("explained")
    tab = browser.tab(page(up, f"/vims/{vim_id}"), width=360)
    tab.until("document.querySelector('[data-explained]')")
    tab.until_text(
        "explained is PENDING since", "What would change it", "The next report of its action, which another system"
    )
    reporter.report(vim_id, _STATUSES.UNREACHABLE)
    tab.until_text("explained is UNREACHABLE", "Without another contact, it reads UNKNOWN (SILENT) after")
    hidden = "document.querySelector('[data-explained] details li').checkVisibility()"
    assert tab.look(hidden) is False
    tab.look("document.querySelector('[data-explained] summary').focus()")
    tab.press("Enter")
    tab.until(hidden)
    tab.until_text("by the last report of its ping action")
    assert tab.look("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert violations_of(tab) == []
    assert tab.faults == []
    tab.close()


def test_the_keyboard_is_enough(up: Fleet, browser: Browser, reporter: Reporter) -> None:
    ids = [reporter.register(name, region="eu") for name in ("first", "second")]
    for vim_id in ids:
        reporter.report(vim_id, _STATUSES.REACHABLE)
    tab = browser.tab(page(up))
    until_count(tab, "reachable", 2)
    tab.look("document.querySelector('.map canvas').focus()")
    tab.press("ArrowRight")
    pointed = "document.querySelector('.map .hint a')"
    first = tab.until(f"{pointed}?.textContent")
    tab.press("ArrowRight")
    tab.until(f"{pointed} && {pointed}.textContent !== {json.dumps(first)}")
    second = tab.look(f"{pointed}.getAttribute('href')")
    tab.press("Enter")
    tab.until(f"location.hash === {json.dumps(second)} && document.querySelector('main h1')")

    tab.go(page(up, "/vims"))
    tab.until("document.querySelectorAll('tr[data-vim]').length === 2")
    tab.type("#filter", "na")
    tab.press("ArrowDown")
    tab.press("Enter")
    tab.until("document.getElementById('filter').value === 'name '")
    tab.call("Input.insertText", text='= "s*" ')
    tab.press("Escape")
    tab.press("Enter")
    tab.until("document.querySelectorAll('tr[data-vim]').length === 1")
    assert tab.look("decodeURIComponent(location.hash.replaceAll('+', ' '))") == '#/vims?filter=name = "s*"'
    tab.close()


def test_many_are_labelled_at_once_and_what_is_refused_is_said(up: Fleet, browser: Browser, reporter: Reporter) -> None:
    ids = [reporter.register(f"many-{number:03}") for number in range(60)]
    tab = browser.tab(page(up, "/vims?order=name"))
    tab.until_text("60 of 60 loaded")
    # Rows out of sight are not in the page.
    assert tab.look("document.querySelectorAll('tr[data-vim]').length") < 60
    tab.click("thead input")
    tab.until_text("60 selected")
    reporter.vims.DeregisterVim(pb.DeregisterVimRequest(vim_id=ids[0]), timeout=60)
    tab.until("document.querySelector('tr.gone')?.textContent.includes('many-000')")
    tab.click(".selection button", "Label")
    tab.type("dialog input", "region")
    tab.type("dialog label:nth-of-type(2) input", "eu")
    tab.click("dialog button.primary")
    tab.until_text("59 done", "1 refused:", ids[0])
    tab.click("dialog button", "Close")
    tab.until("document.querySelector('tr[data-vim]')?.textContent.includes('region=eu')")
    labelled = pb.SummarizeVimsRequest(filter="labels.region = eu")
    assert reporter.vims.SummarizeVims(labelled, timeout=60).total.total == 59
    # A file has all that match, those out of sight among them.
    tab.look("URL.createObjectURL = blob => (window.saved = blob, 'blob:kept'); 0")
    tab.look("HTMLAnchorElement.prototype.click = () => 0; 0")
    tab.until_text("59 of 59 loaded")
    tab.click("main button", "Export as CSV")
    tab.until("Boolean(window.saved)")
    head, *lines = str(tab.look("window.saved.text()")).splitlines()
    assert head == "name,status,reason,status_time,type,auth_url,labels"
    assert [line.split(",")[0] for line in lines] == [f"many-{number:03}" for number in range(1, 60)]
    assert lines[0].endswith(",openstack,http://198.51.100.7:5000/v3,region=eu")
    assert tab.faults == []
    tab.close()


def test_a_change_of_many_can_be_stopped_and_is_of_those_that_were_selected(
    up: Fleet, browser: Browser, reporter: Reporter
) -> None:
    reporter.register_many([f"old-{number:03}" for number in range(310)])
    tab = browser.tab(page(up, "/vims"))
    tab.until_text("200 of 310 loaded")
    tab.click("thead input")
    tab.click(".selection button", "Deregister")
    tab.type("dialog input", "200")
    hold_call(tab, "DeregisterVims", 2)
    tab.click("dialog button.danger")
    tab.until("window.release && document.querySelector('dialog').innerText.includes('50 of 200 done')")
    tab.press("Escape")
    tab.press("Escape")
    tab.look("window.release(); 0")
    tab.until("document.querySelector('dialog').innerText.includes('100 done')")
    assert tab.look("window.calls") == 2
    tab.click("dialog button", "Close")

    tab.until_text("200 of 210 loaded")
    tab.click("thead input")
    tab.click(".selection button", "Select all 210 that match")
    tab.until_text("210 selected")
    reporter.register_many(["new-1", "new-2"])
    tab.until_text("VIMs have changed since")
    tab.click(".selection button", "Deregister")
    tab.type("dialog input", "210")
    tab.click("dialog button.danger")
    tab.click("dialog button", "Close")
    assert reporter.names() == {"new-1", "new-2"}
    assert tab.faults == []
    tab.close()


def test_a_page_that_nobody_sees_is_right_once_it_is_seen(up: Fleet, browser: Browser, reporter: Reporter) -> None:
    vim_id = reporter.register("behind")
    reporter.report(vim_id, _STATUSES.REACHABLE)
    tab = tab_with_gate(browser, page(up, f"/vims/{vim_id}?span=month"))
    tab.until("document.querySelector('h1 .badge')?.textContent === 'reachable' && document.querySelector('td.time')")
    tab.until("document.querySelector('.state.live')")
    hide = "Object.defineProperty(document, 'hidden', {{value: {}, configurable: true}}); 0"
    tab.look(hide.format("true"))
    reporter.report(vim_id, _STATUSES.UNREACHABLE, "TIMEOUT", "nobody looks")
    tab.until("window.heard.includes('TIMEOUT')")
    tab.look(hide.format("false") + "; document.dispatchEvent(new Event('visibilitychange'))")
    tab.until("document.querySelector('h1 .badge').textContent === 'unreachable'", within_s=5)
    tab.until("document.querySelector('td.time').parentNode.innerText.includes('nobody looks')", within_s=5)
    assert tab.faults == []
    tab.close()


def test_a_list_shows_what_was_fetched_while_the_watch_is_cut(up: Fleet, browser: Browser, reporter: Reporter) -> None:
    old = reporter.register("old")
    reporter.report(old, _STATUSES.REACHABLE)
    tab = tab_with_gate(browser, page(up, "/vims"))
    tab.until("document.querySelector('tr[data-vim] .badge')?.textContent === 'reachable'")
    tab.until("document.querySelector('.state.live')")
    tab.look("window.isShut = true; 0")
    reporter.report(old, _STATUSES.UNREACHABLE, "TIMEOUT")
    reporter.register("young")
    tab.click("main button", "Refresh")
    tab.until_text("2 of 2 loaded")
    shown = (
        "[...document.querySelectorAll('tr[data-vim]')].map(row => row.innerText.split('\\t').slice(1, 3).join(' '))"
    )
    assert tab.look(shown) == ["old unreachable", "young pending"]
    tab.close()


def test_maintenance_is_planned_once_however_often_it_is_asked_for(up: Fleet, browser: Browser) -> None:
    tab = browser.tab(page(up, "/maintenance"))
    tab.click("main button", "Plan maintenance")
    tab.type("dialog [name=reason]", "once")
    tab.type("dialog [name=filter]", 'name = "*"')
    tab.look("(form => { form.requestSubmit(); form.requestSubmit(); })(document.querySelector('dialog form'))")
    planned = "[...document.querySelectorAll('tbody th')].filter(one => one.innerText === 'once').length"
    # Windows of other tests may be listed already.
    tab.until(f"!document.querySelector('dialog') && {planned}")
    assert tab.look(planned) == 1
    tab.click("tbody tr button", "End now")
    tab.click("dialog button.danger")
    tab.until("!document.querySelector('dialog')")
    tab.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_keeps_anybody_out(up: Fleet, browser: Browser, reporter: Reporter, *, dark: bool) -> None:
    vim_id = reporter.register(f"seen-{dark}", region="eu")
    reporter.report(vim_id, _STATUSES.UNREACHABLE, "TIMEOUT", "no answer within 1 s")
    tab = browser.tab(page(up), dark=dark)
    found = {}
    for path in _paths(vim_id):
        tab.go(page(up, path))
        tab.until(f"document.querySelector('main[data-path=\"{path}\"] h1')")
        if violations := violations_of(tab):
            found[path] = violations

    assert found == {}
    assert tab.faults == []
    tab.close()


def test_a_narrow_screen_shows_all_without_scrolling_sideways(up: Fleet, browser: Browser, reporter: Reporter) -> None:
    vim_id = reporter.register("a-name-of-many-letters-" * 4, region="eu")
    reporter.report(vim_id, _STATUSES.UNREACHABLE, "TIMEOUT", "no answer within 1 s")
    tab = browser.tab(page(up), width=360)
    hidden = {}
    for path in _paths(vim_id):
        tab.go(page(up, path))
        tab.until(f"document.querySelector('main[data-path=\"{path}\"] h1')")
        hidden[path] = tab.look("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    assert hidden == dict.fromkeys(hidden, 0)
    tab.close()


def _paths(vim_id: str) -> tuple[str, ...]:
    """Return the paths of all pages but those of causes that there are."""
    return ("/", "/vims", f"/vims/{vim_id}", "/causes", "/register", "/fleet", "/maintenance", "/receivers")


def test_the_bundle_is_small() -> None:
    # As gzip sends it; the page itself and its styles included.
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in BUNDLE.rglob("*") if path.is_file()}

    assert sum(sizes.values()) < _MOST_BYTES, sizes
