"""Templates make bodies, and cannot do any harm: each is rendered in a process of its own, within limits."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import replace

import pytest
from jinja2 import TemplateError

from tests.support.notifier.loopback_guard import guarding
from tests.support.notifier.scripted_http import Answer, scripted_http
from tests.support.notifier.told_changes import change, notification
from vimesh.domain.notifications.notifications import ChangeKind, Notification, NotificationKind
from vimesh.domain.notifications.targets import WebhookMethod, WebhookTarget
from vimesh.notifier.senders.open_sender import open_sender
from vimesh.notifier.senders.sender import SendDelayed, SendRefused
from vimesh.notifier.senders.templates import body_template
from vimesh.notifier.senders.templates.body_template import (
    FIRST_REST_S,
    LONGEST_REST_S,
    RENDERINGS_AT_ONCE,
    BodyTemplate,
    render_body,
)
from vimesh.notifier.senders.templates.template_process import MAX_CPU_S, MAX_OUTPUT_BYTES, render
from vimesh.notifier.senders.texts.notification_document import notification_document

TOLD = notification(change(1), change(2, ChangeKind.RESOLVED))
VALUES = notification_document(TOLD)
SECRET = "s3cret-token"
ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


async def send(target: WebhookTarget, told: Notification = TOLD, limit_s: float = 15.0) -> None:
    async with guarding() as guard:
        sender = open_sender(target, guard=guard, repeat_interval_s=0.0, limit_s=limit_s)
        try:
            await sender.send(told)
        finally:
            await sender.close()


async def test_a_template_makes_the_body() -> None:
    template = (
        '{"text": {{ headline | tojson }}, "lines": [{% for change in changes %}{{ change.text | tojson }}'
        "{{ ',' if not loop.last }}{% endfor %}]}"
    )
    async with scripted_http() as server:
        await send(WebhookTarget(server.url, template, headers={"X-Token": SECRET}))

    (request,) = server.requests
    assert request.document["text"] == "2 VIMs changed: 1 with a problem, 1 resolved (reason TIMEOUT)"
    assert request.document["lines"][0].startswith("2026-03-01T12:00:00Z  vim-1 is UNREACHABLE since")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-token"] == SECRET


async def test_method_and_type_are_those_of_the_receiver() -> None:
    async with scripted_http() as server:
        target = WebhookTarget(server.url, "{{ kind }}: {{ headline }}", WebhookMethod.PUT, content_type="text/plain")
        await send(target, notification(kind=NotificationKind.TEST))

    (request,) = server.requests
    assert request.method == "PUT"
    assert request.headers["content-type"] == "text/plain"
    assert request.body == b"TEST: Test of the receiver on-call"


async def test_what_a_vim_is_called_cannot_leave_its_place_in_json() -> None:
    evil = replace(change(), vim_name='"}, {{ 7 * 7 }} <script>')
    body = await render_body('{"name": {{ changes[0].vim_name | tojson }}}', notification_document(notification(evil)))

    assert json.loads(body) == {"name": evil.vim_name}


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ headlin }}", "'headlin' is undefined"),
        ("a\n{% if %}", "line 2: Expected an expression"),
        ("{{ 1 / 0 }}", "ZeroDivisionError: division by zero"),
        ("{{ 'x' * 10 ** 10 }}", "it needs too much memory"),
    ],
)
async def test_a_template_at_fault_refuses_the_notification(template: str, reason: str) -> None:
    with pytest.raises(SendRefused) as raised:
        await render_body(template, VALUES)

    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ headline.__init__.__globals__ }}", "unsafe"),
        ("{{ cycler.__init__.__globals__.os.system('id') }}", "unsafe"),
        ("{{ changes.append(1) }}", "unsafe"),
        ("{% include '/etc/passwd' %}", "no loader"),
        ("{% for a in range(1000) %}{{ 'x' * 10000 }}{% endfor %}", f"more than {MAX_OUTPUT_BYTES} bytes"),
    ],
)
def test_a_template_can_neither_reach_out_nor_make_too_much(template: str, reason: str) -> None:
    with pytest.raises((TemplateError, TypeError), match=reason):
        render(template, VALUES)


@pytest.mark.alone
async def test_a_template_that_never_ends_holds_nobody_but_its_project() -> None:
    endless = [BodyTemplate(ENDLESS, "slow") for _ in range(RENDERINGS_AT_ONCE + 1)]
    renderings = [asyncio.create_task(template.render(TOLD)) for template in endless]
    for _ in range(RENDERINGS_AT_ONCE + 1):
        assert await BodyTemplate("{{ vim_count }}", "other").render(TOLD) == b"2"

    assert not any(rendering.done() for rendering in renderings)
    with pytest.raises(SendRefused, match=f"takes more than {MAX_CPU_S} s"):
        await renderings[0]
    for template in endless:
        await template.discard()
    await asyncio.gather(*renderings, return_exceptions=True)


async def test_a_template_that_takes_too_much_rests_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now, rendered = [0.0], []

    async def exceed(template: str, _: object) -> bytes:
        rendered.append(now[0])
        raise body_template.TemplateExceeded(template)

    # What a process takes is tried above: here it matters when one is started.
    monkeypatch.setattr(body_template, "render_body", exceed)
    template = BodyTemplate(ENDLESS, "slow", lambda: now[0])
    rests = []
    for _ in range(12):
        with pytest.raises(SendRefused):
            await template.render(TOLD)
        await template.discard()
        with pytest.raises(SendDelayed, match="rests for") as resting:
            await template.render(TOLD)
        assert resting.value.retry_after_s is not None
        rests.append(resting.value.retry_after_s)
        now[0] += rests[-1]

    assert rests[:3] == [FIRST_REST_S, 2 * FIRST_REST_S, 4 * FIRST_REST_S]
    assert rests[-1] == LONGEST_REST_S
    assert len(rendered) == 12


async def test_waiting_for_others_is_no_failure_and_keeps_the_place() -> None:
    """The project has one slot, which another receiver has. What waits goes on with a new try."""
    async with scripted_http() as server, guarding() as guard:
        busy = BodyTemplate(ENDLESS, "")
        holding = asyncio.create_task(busy.render(TOLD))
        await asyncio.sleep(0)  # it takes the slot
        sender = open_sender(
            WebhookTarget(server.url, "{{ headline }}"), guard=guard, repeat_interval_s=0.0, limit_s=MAX_CPU_S / 6
        )
        with pytest.raises(SendDelayed, match="waits for those of others") as waiting:
            await sender.send(TOLD)
        later = asyncio.create_task(BodyTemplate("later", "").render(TOLD))
        await asyncio.sleep(0)
        await busy.discard()
        await asyncio.gather(holding, return_exceptions=True)
        await later  # who came later is served later: the body of the first one is there by now
        while not server.requests:  # on a busy machine, to send it may take more than a try
            with suppress(SendDelayed):
                await sender.send(TOLD)
        await sender.close()

    assert waiting.value.retry_after_s == 0.0
    assert len(server.requests) == 1


async def test_a_receiver_that_hangs_is_not_taken_for_a_template_that_waits() -> None:
    pauses: list[float | None] = []
    async with scripted_http(*[Answer(hangs=True)] * 5) as server, guarding() as guard:
        target = WebhookTarget(server.url, "{{ headline }}")
        sender = open_sender(target, guard=guard, repeat_interval_s=0.0, limit_s=1.0)
        while len(pauses) < 5 and None not in pauses:  # on a busy machine, to render may take more than a try
            with pytest.raises(SendDelayed) as delayed:
                await sender.send(TOLD)
            pauses.append(delayed.value.retry_after_s)
        await sender.close()

    assert (pauses[0], pauses[-1]) == (0.0, None)
    assert "has not taken" in str(delayed.value)


async def test_what_is_too_large_for_the_receiver_comes_in_parts() -> None:
    told = notification(*(change(number) for number in range(4)))
    template = "{{ id }} {{ problem_count }} {% for change in changes %}{{ change.vim_name }} {% endfor %}"
    async with scripted_http(Answer(413)) as server:
        await send(WebhookTarget(server.url, template), told)

    whole, first, second = (request.body.decode().split() for request in server.requests)
    assert whole[1:] == ["4", "vim-0", "vim-1", "vim-2", "vim-3"]
    assert first[1:] == ["2", "vim-0", "vim-1"]
    assert second[1:] == ["2", "vim-2", "vim-3"]
    assert len({whole[0], first[0], second[0]}) == 3


async def test_what_a_template_makes_too_large_comes_in_parts() -> None:
    told = notification(*(change(number) for number in range(4)))
    template = "{% for change in changes %}{{ 'x' * 1500000 }}{% endfor %}"
    async with scripted_http() as server:
        await send(WebhookTarget(server.url, template), told)

    assert [len(request.body) for request in server.requests] == [3_000_000, 3_000_000]


async def test_a_rendering_that_is_given_up_leaves_no_process() -> None:
    began = time.monotonic()
    async with scripted_http() as server:
        for _ in range(RENDERINGS_AT_ONCE + 1):
            with pytest.raises(SendDelayed):
                await send(WebhookTarget(server.url, ENDLESS), limit_s=0.1)
        assert not server.connections

    assert time.monotonic() - began < (RENDERINGS_AT_ONCE + 1) * MAX_CPU_S  # they were ended, not waited for
    # Their slots are free again.
    assert await render_body("{{ vim_count }}", VALUES) == b"2"


async def test_errors_tell_neither_the_url_nor_the_headers() -> None:
    async with scripted_http(Answer(400)) as server:
        with pytest.raises(SendRefused) as raised:
            await send(WebhookTarget(f"{server.url}/{SECRET}", "x", headers={"X-Token": SECRET}))

    assert SECRET not in str(raised.value)


async def test_ten_thousand_changes_can_be_rendered() -> None:
    values = notification_document(notification(*(change(number) for number in range(10_000))))
    template = "{% for change in changes %}{{ change.vim_name }} {% endfor %}"

    assert len((await render_body(template, values)).split()) == 10_000
