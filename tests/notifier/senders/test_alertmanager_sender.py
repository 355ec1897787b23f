"""A real Alertmanager takes the alerts, and tells its own receivers of problems and of their end."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.clouds.targets import free_port
from tests.support.notifier.loopback_guard import guarding
from tests.support.notifier.scripted_http import Answer, scripted_http
from tests.support.notifier.told_changes import change, notification, vim_id
from tests.support.observability.alertmanager_server import Alertmanager, running_alertmanager
from vimesh.domain.notifications.notifications import Change, ChangeKind, NotificationKind
from vimesh.domain.notifications.targets import AlertmanagerTarget
from vimesh.domain.vims import Status
from vimesh.notifier.senders.alertmanager_sender import (
    ALERTS_IN_A_REQUEST,
    CHANGE_ALERT,
    PROBLEM_ALERT,
    TEST_ALERT,
)
from vimesh.notifier.senders.http.http_poster import HttpPoster
from vimesh.notifier.senders.open_sender import open_sender
from vimesh.notifier.senders.sender import ReceiverGone, SendDelayed, Sender, SendRefused

PATIENCE_S = 30.0


@asynccontextmanager
async def sending(
    target: AlertmanagerTarget, *, repeat_s: float = 60.0, limit_s: float = 15.0
) -> AsyncGenerator[Sender]:
    async with guarding() as guard:
        sender = open_sender(target, guard=guard, repeat_interval_s=repeat_s, limit_s=limit_s)
        try:
            yield sender
        finally:
            await sender.close()


@pytest.fixture
async def alertmanager(tmp_path: Path) -> AsyncGenerator[Alertmanager]:
    async with running_alertmanager(tmp_path / "alertmanager") as running:
        yield running


def recent(number: int = 1, kind: ChangeKind = ChangeKind.PROBLEM, ago_s: float = 60.0) -> Change:
    now = dt.datetime.now(dt.UTC)
    began = now - dt.timedelta(seconds=ago_s)
    return replace(change(number, kind), time=now if kind is ChangeKind.RESOLVED else began, since=began)


async def test_a_problem_fires_and_is_resolved(alertmanager: Alertmanager) -> None:
    target = AlertmanagerTarget(
        (f"http://{alertmanager.address}",), console_url="https://front.example/v1", labels={"team": "cloud"}
    )
    async with sending(target) as sender:
        problem = recent()
        await sender.send(notification(problem, recent(2)))
        await alertmanager.receivers.until(
            PROBLEM_ALERT, "firing", PATIENCE_S, vim_id=vim_id(1), project="tenant", team="cloud"
        )
        shown = {alert["annotations"]["vim_name"]: alert for alert in await alertmanager.alerts()}
        await sender.send(notification(replace(recent(kind=ChangeKind.RESOLVED), since=problem.since), number=2))
        await alertmanager.receivers.until(PROBLEM_ALERT, "resolved", PATIENCE_S, vim_id=vim_id(1))
        left = {alert["annotations"]["vim_name"] for alert in await alertmanager.alerts()}

    assert shown["vim-1"]["generatorURL"] == f"https://front.example/v1/vims/{vim_id(1)}"
    assert shown["vim-1"]["annotations"]["label_example_org_site"] == "lab"
    assert shown["vim-1"]["annotations"]["cause"] == "TIMEOUT (no answer within 5 s)"
    assert left == {"vim-2"}


async def test_another_reason_and_a_reminder_renew_the_same_alert(alertmanager: Alertmanager) -> None:
    async with sending(AlertmanagerTarget((f"http://{alertmanager.address}/",))) as sender:
        await sender.send(notification(recent()))
        unknown = replace(recent(), status=Status.UNKNOWN, reason="SILENT", kind=ChangeKind.REASON_CHANGED)
        await sender.send(notification(unknown, number=2))
        reminder = replace(unknown, kind=ChangeKind.REMINDER)
        await sender.send(notification(reminder, number=3, kind=NotificationKind.REMINDER))

        (alert,) = await alertmanager.alerts()

    assert alert["annotations"]["summary"] == "vim-1 is still UNKNOWN"


async def test_an_alert_ends_though_its_vim_was_renamed_and_labelled_anew(alertmanager: Alertmanager) -> None:
    async with sending(AlertmanagerTarget((f"http://{alertmanager.address}",))) as sender:
        problem = recent()
        await sender.send(notification(problem))
        assert len(await alertmanager.alerts()) == 1
        resolved = replace(recent(kind=ChangeKind.RESOLVED), since=problem.since, vim_name="new", labels={"site": "b"})
        await sender.send(notification(resolved, number=2))

        assert not await alertmanager.alerts()


async def test_labels_of_the_receiver_cannot_make_one_alert_of_all() -> None:
    async with scripted_http() as server:
        target = AlertmanagerTarget((server.url,), labels={"vim_id": "mine", "severity": "critical"})
        async with sending(target) as sender:
            await sender.send(notification(change(1)))

    (alert,) = json.loads(server.requests[0].body)
    assert alert["labels"] == {
        "alertname": PROBLEM_ALERT,
        "severity": "critical",
        "project": "tenant",
        "vim_id": vim_id(1),
    }


async def test_routes_see_the_labels_of_the_group_and_an_alert_keeps_them_until_it_ends(
    alertmanager: Alertmanager,
) -> None:
    group = {"reason": "TIMEOUT", "labels.example.org/site": "lab", "labels.tier": "", "cause": "NETWORK 192.0.2.0/24"}
    routed = {"label_example_org_site": "lab", "team": "cloud", "cause": "NETWORK 192.0.2.0/24"}
    target = AlertmanagerTarget((f"http://{alertmanager.address}",), labels={"team": "cloud"})
    async with sending(target) as sender:
        problem = recent()
        await sender.send(replace(notification(problem), group=group))
        (alert,) = await alertmanager.alerts()
        await alertmanager.receivers.until(PROBLEM_ALERT, "firing", PATIENCE_S, **routed)
        # The VIM has moved meanwhile, and its group has not.
        ended = replace(recent(kind=ChangeKind.RESOLVED), since=problem.since, labels={"example.org/site": "prod"})
        await sender.send(replace(notification(ended, number=2), group=group))
        await alertmanager.receivers.until(PROBLEM_ALERT, "resolved", PATIENCE_S, **routed)
        left = await alertmanager.alerts()

    assert alert["labels"] == {
        "alertname": PROBLEM_ALERT,
        "severity": "warning",
        "project": "tenant",
        "vim_id": vim_id(1),
        **routed,
    }
    assert not left


async def test_only_what_is_true_at_last_is_an_alert(alertmanager: Alertmanager) -> None:
    async with sending(AlertmanagerTarget((f"http://{alertmanager.address}",))) as sender:
        await sender.send(notification(recent(), recent(kind=ChangeKind.RESOLVED), recent(2)))

        names = [alert["annotations"]["vim_name"] for alert in await alertmanager.alerts()]

    assert names == ["vim-2"]


async def test_a_test_and_a_change_by_people_are_alerts_of_other_names(alertmanager: Alertmanager) -> None:
    async with sending(AlertmanagerTarget((f"http://{alertmanager.address}",))) as sender:
        await sender.send(notification(kind=NotificationKind.TEST))
        await sender.send(notification(replace(recent(), kind=ChangeKind.REGISTERED), number=2))

        names = {alert["labels"]["alertname"] for alert in await alertmanager.alerts()}

    assert names == {TEST_ALERT, CHANGE_ALERT}


@pytest.mark.parametrize(
    ("repeat_s", "least_s", "most_s"), [(60.0, 290, 310), (600.0, 2390, 2410), (0.0, 7 * 86400 - 10, 7 * 86400 + 10)]
)
async def test_an_alert_outlives_the_renewals(repeat_s: float, least_s: float, most_s: float) -> None:
    async with scripted_http() as server, sending(AlertmanagerTarget((server.url,)), repeat_s=repeat_s) as sender:
        await sender.send(notification(recent()))

    (alert,) = json.loads(server.requests[0].body)
    left = dt.datetime.fromisoformat(alert["endsAt"]) - dt.datetime.now(dt.UTC)
    assert least_s < left.total_seconds() < most_s


async def test_an_alert_never_ends_before_it_starts() -> None:
    """The clock of the database may be ahead of the notifier's: Alertmanager would refuse the alert."""
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    resolved = replace(change(kind=ChangeKind.RESOLVED), time=ahead, since=ahead)
    async with scripted_http() as server, sending(AlertmanagerTarget((server.url,))) as sender:
        await sender.send(notification(resolved))

    (alert,) = json.loads(server.requests[0].body)
    assert alert["startsAt"] == alert["endsAt"]


async def test_one_member_of_a_cluster_suffices() -> None:
    async with scripted_http(Answer(hangs=True)) as hanging, scripted_http() as server:
        target = AlertmanagerTarget(
            (hanging.url, f"http://127.0.0.1:{free_port()}", server.url), username="me", password="secret"
        )
        async with sending(target, limit_s=3.0) as sender:
            await sender.send(notification(change()))

    assert server.requests[0].path == "/notify/api/v2/alerts"
    assert server.requests[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("statuses", "kind"), [((410, 503), SendDelayed), ((400, 410), SendRefused), ((410, 410), ReceiverGone)]
)
async def test_it_is_tried_again_while_one_member_may_take_it(statuses: tuple[int, int], kind: type[Exception]) -> None:
    async with (
        scripted_http(Answer(statuses[0])) as one,
        scripted_http(Answer(statuses[1])) as other,
        sending(AlertmanagerTarget((one.url, other.url))) as sender,
    ):
        with pytest.raises(kind):
            await sender.send(notification(change()))


async def test_many_alerts_are_several_requests() -> None:
    async with scripted_http() as server, sending(AlertmanagerTarget((server.url,))) as sender:
        await sender.send(notification(*(change(number) for number in range(2500))))

    sizes = [len(json.loads(request.body)) for request in server.requests]
    assert sizes == [ALERTS_IN_A_REQUEST, ALERTS_IN_A_REQUEST, 500]


async def test_alerts_that_are_too_large_come_in_halves() -> None:
    answers = (Answer(413), Answer(), Answer(413))
    async with scripted_http(*answers) as server, sending(AlertmanagerTarget((server.url,))) as sender:
        await sender.send(notification(*(change(number) for number in range(5))))

    told = [[alert["labels"]["vim_id"] for alert in json.loads(request.body)] for request in server.requests]
    assert [len(some) for some in told] == [5, 3, 2, 1, 1]
    assert [*told[1], *told[3], *told[4]] == [vim_id(number) for number in range(5)]


async def test_alerts_that_are_refused_do_not_bury_the_rest() -> None:
    async with scripted_http(Answer(400)) as server, sending(AlertmanagerTarget((server.url,))) as sender:
        with pytest.raises(SendRefused, match="400"):
            await sender.send(notification(*(change(number) for number in range(ALERTS_IN_A_REQUEST + 1))))

    assert [len(json.loads(request.body)) for request in server.requests] == [ALERTS_IN_A_REQUEST, 1]


async def test_a_defect_leaves_no_request_running(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def request(_: HttpPoster, __: str, url: str, *___: object) -> None:
        if "defect" in url:
            await begun.wait()
            raise ZeroDivisionError
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(HttpPoster, "request", request)
    async with sending(AlertmanagerTarget(("http://defect", "http://hanging"))) as sender:
        with pytest.raises(ExceptionGroup):
            await sender.send(notification(change(1)))

        assert ended.is_set()
