"""Renders the template of a receiver, in turn with those of others, and not again and again if it takes too long."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from vimesh.domain.notifications.notifications import Notification
from vimesh.notifier.senders.delivery_progress import keys_of
from vimesh.notifier.senders.sender import OWN_LIMIT_S, DocumentTooLarge, SendDelayed, SendRefused
from vimesh.notifier.senders.templates.fair_slots import FairSlots
from vimesh.notifier.senders.templates.template_process import FAULTY, MAX_CPU_S, TOO_LARGE
from vimesh.notifier.senders.texts.notification_document import notification_document

RENDERINGS_AT_ONCE: Final = 2
"""Each is a process, which takes 0.2 s of a core: many receivers must not start them all at once."""
FIRST_REST_S: Final = 10.0
"""How long a template rests that took too much; twice as long each further time."""
LONGEST_REST_S: Final = 3600.0
_PROGRAM = Path(__file__).with_name("template_process.py")
_ENVIRONMENT = ("LANG", "PATH", "PYTHONPATH")
"""What a template is rendered with: the environment may have secrets in it."""
_slots: WeakKeyDictionary[asyncio.AbstractEventLoop, FairSlots] = WeakKeyDictionary()


class TemplateExceeded(SendRefused):
    """A template took more than it may."""


class BodyTemplate:
    """The template of one receiver. One body is made at a time."""

    def __init__(self, template: str, project_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: monotonic seconds."""
        self._template = template
        self._project_id = project_id
        self._clock = clock
        self._keys: tuple[str, ...] = ()
        self._rendering: asyncio.Task[bytes] | None = None
        self._rest_s = 0.0
        self._rests_until = 0.0

    def is_rendered(self, notification: Notification) -> bool:
        return self._rendering is not None and self._rendering.done() and self._keys == keys_of(notification)

    async def render(self, notification: Notification) -> bytes:
        """Return the body for a notification. Whoever is cancelled meanwhile keeps the place in the line.

        Raises SendRefused if the template is at fault, DocumentTooLarge if it makes too much of so many changes, and
        SendDelayed while it rests.
        """
        if self._rendering is None or self._keys != keys_of(notification):
            await self.discard()
            if (left_s := self._rests_until - self._clock()) > 0:
                raise SendDelayed(
                    f"the template of the receiver took more than it may, and rests for {left_s:.0f} s; simplify it",
                    left_s,
                )
            self._keys = keys_of(notification)
            self._rendering = asyncio.create_task(self._render(notification))
        return await asyncio.shield(self._rendering)

    async def discard(self) -> None:
        """Forget the body, or end what makes it."""
        rendering, self._rendering = self._rendering, None
        if rendering is not None:
            rendering.cancel()
            await asyncio.gather(rendering, return_exceptions=True)

    async def _render(self, notification: Notification) -> bytes:
        slots = _slots.setdefault(asyncio.get_running_loop(), FairSlots(RENDERINGS_AT_ONCE))
        async with slots.slot(self._project_id):
            # In a thread: 10,000 changes take half a second, in which this loop would renew no claim.
            values = await asyncio.to_thread(notification_document, notification)
            try:
                body = await render_body(self._template, values)
            except TemplateExceeded:
                self._rest_s = min(max(2 * self._rest_s, FIRST_REST_S), LONGEST_REST_S)
                self._rests_until = self._clock() + self._rest_s
                raise
        self._rest_s = 0.0
        return body


async def render_body(template: str, values: Mapping[str, object]) -> bytes:
    """Render a template in a process of its own. Raises SendRefused if it is at fault."""
    request = await asyncio.to_thread(_dump, {"template": template, "values": values})
    # -P: the folder of the program is none to import from.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", str(_PROGRAM)),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    )
    try:
        async with asyncio.timeout(OWN_LIMIT_S):
            body, complaint = await process.communicate(request)
    except TimeoutError:
        raise SendDelayed(f"the template was not rendered within {OWN_LIMIT_S:g} s: the notifier is busy") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return body
    raise _failure(process.returncode, complaint)


def _dump(document: object) -> bytes:
    return json.dumps(document).encode()


def _failure(returncode: int | None, complaint: bytes) -> SendRefused:
    failure = "the template of the receiver cannot be rendered: "
    if returncode in {FAULTY, TOO_LARGE}:
        kind = SendRefused if returncode == FAULTY else DocumentTooLarge
        return kind(failure + complaint.decode(errors="replace"))
    if returncode in {-signal.SIGXCPU, -signal.SIGKILL}:
        return TemplateExceeded(f"{failure}it takes more than {MAX_CPU_S} s, or too much memory")
    return SendRefused(f"{failure}the program that renders it ended with {returncode}")
