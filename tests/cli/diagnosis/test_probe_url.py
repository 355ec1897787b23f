"""`vimesh probe` shows what a monitor would see of a URL, without a fleet."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.callers.commands import Command, Ended
from tests.support.clouds.certificates import self_signed
from tests.support.clouds.scripted_api import scripted_api

V3 = json.dumps({"version": {"id": "v3.14", "status": "stable"}}).encode()


async def typed(folder: Path, *arguments: str) -> Ended:
    return await asyncio.to_thread(Command(folder), "probe", *arguments)


async def test_an_answer_is_shown_step_by_step(tmp_path: Path) -> None:
    async with scripted_api(tls=self_signed(tmp_path)) as api:
        api.answer(200, V3)

        shown = await typed(tmp_path, api.url, "--type", "openstack", "--depth", "service", "-o", "json")
        table = await typed(tmp_path, api.url)

    seen = json.loads(shown.out)
    assert (shown.code, seen["url"], seen["status"]) == (0, api.url, "REACHABLE")
    [attempt] = seen["evidence"]["attempts"]
    assert {"address", "connect_time", "tls_time", "first_byte_time", "answer_time"} <= attempt.keys()
    assert {each["type"]: each["status"] for each in seen["evidence"]["conditions"]} == {
        "CertificateValid": "TRUE",
        "ServiceReady": "TRUE",
    }
    assert seen["evidence"]["certificate"]["not_after"].endswith("Z")
    assert table.code == 0
    lines = dict(line.split(maxsplit=1) for line in table.out.splitlines() if len(line.split()) > 1)
    assert (lines["status"], lines["evidence.http_status"]) == ("REACHABLE", "200")
    assert lines["evidence.conditions.CertificateValid.status"] == "TRUE"
    assert "monitor_id" not in lines


async def test_what_does_not_answer_ends_with_4(tmp_path: Path) -> None:
    async with scripted_api() as api:
        api.answer(503, b"")

        ended = await typed(tmp_path, api.url, "-o", "json")

    assert (ended.code, json.loads(ended.out)["reason"]) == (4, "HTTP_503")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("ftp://x",), "error: URL: must start with http:// or https://\n"),
        (("http://x", "--method", "udp"), "error: --method: must be one of ping, tcp, http, not 'udp'\n"),
        (("http://x", "--timeout", "1ms"), "error: --timeout: must be from 0.05 s to 60 s\n"),
        (
            ("http://x", "--depth", "service"),
            "error: --type: is needed for --depth service: one of openstack, kubernetes\n",
        ),
        (("http://x", "--type", "aws"), "error: --type: must be one of openstack, kubernetes, not 'aws'\n"),
        (("http://x", "--depth", "login"), "error: --depth: login needs the credentials of a VIM: "),
        (("http://x", "--depth", "address"), "error: --depth: ADDRESS needs the method PING or TCP"),
    ],
)
async def test_wrong_input_is_told_by_its_flag(tmp_path: Path, arguments: tuple[str, ...], error: str) -> None:
    ended = await typed(tmp_path, *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(error)
