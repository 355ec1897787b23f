"""Each change and each refusal is one line: who, what, with which outcome, and no secret."""

from __future__ import annotations

import asyncio
import json
import stat
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from google.api import httpbody_pb2

from tests.support.deployments.conductors import conductor_over, report_on
from tests.support.deployments.secured_conductors import ADMIN, EXECUTOR, OPERATOR, READER, client_as, secured
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.access.audit_log import AuditLog
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.domain.access.audit_entry import AuditEntry, ChangeSubject
from vimesh.domain.errors import BadSetting
from vimesh.v1 import conductor_service_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim

WITHIN_S = 30
SECRET = "correct horse battery staple"
_VIMS = "vimesh.v1.VimService/"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


@pytest.fixture
async def address(tmp_path: Path, file: Path) -> AsyncGenerator[str]:
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        secured(store, tmp_path, audit_file=file) as address,
    ):
        yield address


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def summary(file: Path) -> list[tuple[str, str, str, str]]:
    """Return identity, method, VIM and outcome of each line."""
    return [(one["identity"], one["method"], one["vim_id"], one["outcome"]) for one in lines(file)]


def vim_of(name: str, **fields: Any) -> Vim:  # noqa: ANN401 - fields of a VIM
    return Vim(name=name, type="openstack", auth_url="http://192.0.2.1/", **fields)


async def test_each_change_is_a_line(address: str, file: Path) -> None:
    who, request_id = OPERATOR[0], str(uuid.uuid4())
    async with client_as(address, OPERATOR) as client:
        request = pb.RegisterVimRequest(vim=vim_of("lab"), request_id=request_id)
        vim = (await client.vims.RegisterVim(request, metadata=(("x-request-id", "r-1"),), timeout=WITHIN_S)).vim
        await client.vims.ModifyVim(pb.ModifyVimRequest(vim=Vim(id=vim.id, description="x")), timeout=WITHIN_S)
        body = httpbody_pb2.HttpBody(data=b'{"vim": {"description": "y"}}')
        await client.vims.ModifyVimJson(pb.ModifyVimJsonRequest(vim_id=vim.id, request=body), timeout=WITHIN_S)
        await client.deregister(vim.id)

    assert summary(file) == [
        (who, f"{_VIMS}RegisterVim", vim.id, "OK"),
        (who, f"{_VIMS}ModifyVim", vim.id, "OK"),
        (who, f"{_VIMS}ModifyVimJson", vim.id, "OK"),
        (who, f"{_VIMS}DeregisterVim", vim.id, "OK"),
    ]
    first, *_ = lines(file)
    assert {one["project_id"] for one in lines(file)} == {"a"}
    assert (first["request_id"], first["call_id"]) == (request_id, "r-1")
    assert mode_of(file) == 0o600


async def test_each_vim_of_a_batch_is_a_line(address: str, file: Path) -> None:
    async with client_as(address, OPERATOR) as client:
        requests = [vim_of("one"), vim_of("one"), vim_of("two", project_id="b"), vim_of("")]
        answer = await client.vims.RegisterVims(
            pb.RegisterVimsRequest(requests=[pb.RegisterVimRequest(vim=vim) for vim in requests]), timeout=WITHIN_S
        )

    assert [(one["vim_id"], one["project_id"], one["outcome"]) for one in lines(file)] == [
        (answer.results[0].registered.vim_id, "a", "OK"),
        ("", "a", "NAME_TAKEN"),
        ("", "b", "PERMISSION_DENIED"),
        ("", "", "BAD_INPUT"),
    ]


async def test_each_vim_of_a_change_of_many_is_a_line_and_a_check_is_none(address: str, file: Path) -> None:
    gone = str(uuid.uuid4())
    async with client_as(address, OPERATOR) as client:
        vim = await client.register()
        for only in (True, False):
            for method, request in (
                ("RegisterVim", pb.RegisterVimRequest(vim=vim_of(f"lab-{only}"), validate_only=only)),
                ("ModifyVim", pb.ModifyVimRequest(vim=Vim(id=vim.id, description="x"), validate_only=only)),
                (
                    "ModifyVims",
                    pb.ModifyVimsRequest(vim_ids=[vim.id, gone], vim=Vim(description="y"), validate_only=only),
                ),
                ("DeregisterVims", pb.DeregisterVimsRequest(vim_ids=[gone, vim.id], validate_only=only)),
            ):
                await getattr(client.vims, method)(request, timeout=WITHIN_S)

    found = [(one["method"].removeprefix(_VIMS), one["vim_id"], one["outcome"]) for one in lines(file)[2:]]
    assert len(lines(file)) == 7
    assert found == [
        ("ModifyVim", vim.id, "OK"),
        ("ModifyVims", vim.id, "OK"),
        ("ModifyVims", gone, "VIM_NOT_FOUND"),
        ("DeregisterVims", gone, "VIM_NOT_FOUND"),
        ("DeregisterVims", vim.id, "OK"),
    ]


async def test_each_vim_that_is_applied_is_a_line_if_that_changed_it(address: str, file: Path) -> None:
    async with client_as(address, OPERATOR) as client:
        for description, only in (("x", True), ("x", False), ("x", False), ("y", False)):
            entries = [
                pb.VimToApply(
                    vim=Vim(name="one", type="openstack", auth_url="http://192.0.2.1/", description=description)
                ),
                pb.VimToApply(vim=Vim(name="two"), absent=True),
            ]
            await client.vims.ApplyVims(
                pb.ApplyVimsRequest(apply_set="lab", vims=entries, validate_only=only), timeout=WITHIN_S
            )
        other = pb.VimToApply(vim=Vim(name="one", project_id="b"))
        await client.vims.ApplyVims(pb.ApplyVimsRequest(apply_set="lab", vims=[other]), timeout=WITHIN_S)
        [vim] = (await client.vims.ListVims(pb.ListVimsRequest(), timeout=WITHIN_S)).vims

    assert [(one["vim_id"], one["project_id"], one["outcome"]) for one in lines(file)] == [
        (vim.id, "a", "OK"),
        (vim.id, "a", "OK"),
        ("", "", "PERMISSION_DENIED"),
    ]


async def test_each_refusal_is_a_line_and_a_read_is_none(address: str, file: Path) -> None:
    async with client_as(address, ADMIN) as admin:
        vim = await admin.register(project_id="b")
        await admin.get(vim.id)
        await admin.vims.ListVims(pb.ListVimsRequest(), timeout=WITHIN_S)
        wanted = (await admin.get(vim.id)).monitor.action_id
    for who, call in (
        (None, "GetVim"),
        (READER, "DeregisterVim"),
        (READER, "GetVim"),
        (OPERATOR, "DeregisterVim"),
        (EXECUTOR, "UpdateVim"),
        (EXECUTOR, "UpdateVims"),
    ):
        async with client_as(address, who) as client:
            try:
                match call:
                    case "GetVim":
                        await client.get(vim.id)
                    case "DeregisterVim":
                        await client.deregister(vim.id)
                    case "UpdateVim":
                        await client.report(vim, Vim.REACHABLE, action_id=wanted)
                    case _:
                        report = report_on(vim, Vim.REACHABLE, action_id=wanted)
                        message = conductor_service_pb2.UpdateVimsRequest(reports=[report, report])
                        await client.conductor.UpdateVims(message, timeout=WITHIN_S)
            except grpc.aio.AioRpcError:
                pass

    reports = "vimesh.v1.ConductorService/"
    assert summary(file)[1:] == [
        ("", f"{_VIMS}GetVim", "", "IDENTITY_REQUIRED"),
        (READER[0], f"{_VIMS}DeregisterVim", "", "PERMISSION_DENIED"),
        (OPERATOR[0], f"{_VIMS}DeregisterVim", vim.id, "VIM_NOT_FOUND"),
        (EXECUTOR[0], f"{reports}UpdateVim", vim.id, "PERMISSION_DENIED"),
        (EXECUTOR[0], f"{reports}UpdateVims", vim.id, "PERMISSION_DENIED"),
    ]


async def test_an_open_fleet_has_an_audit_too(tmp_path: Path, file: Path) -> None:
    settings = ConductorSettings(audit_file=file, drain_s=0, grace_s=1)
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, conductor_over(store, settings) as client:
        vim = await client.register()
        await client.report(vim, Vim.REACHABLE)

    assert summary(file) == [("", f"{_VIMS}RegisterVim", vim.id, "OK")]


async def test_no_secret_is_in_a_line(address: str, file: Path) -> None:
    async with client_as(address, OPERATOR) as client:
        vim = vim_of("lab", auth_cred={"password": SECRET})
        vim.auth_url = f"http://user:{SECRET.replace(' ', '')}@192.0.2.1/"
        await client.vims.RegisterVim(pb.RegisterVimRequest(vim=vim), timeout=WITHIN_S)
        body = httpbody_pb2.HttpBody(data=json.dumps({"vim": {"auth_cred": {"password": SECRET}}, "x": 1}).encode())
        with pytest.raises(grpc.aio.AioRpcError):
            await client.vims.RegisterVimJson(pb.RegisterVimJsonRequest(request=body), timeout=WITHIN_S)

    assert len(lines(file)) == 2
    assert SECRET not in str(lines(file))
    assert SECRET.replace(" ", "") not in str(lines(file))


async def test_a_change_that_its_caller_gave_up_is_on_record(address: str, file: Path) -> None:
    """It may have been made: so the line does not say that it was not."""
    async with client_as(address, OPERATOR) as client:
        requests = [pb.RegisterVimRequest(vim=vim_of(f"v{number}")) for number in range(20)]
        calls = [client.vims.RegisterVim(request, timeout=WITHIN_S) for request in requests]
        await calls[0]
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        vims = (await client.vims.ListVims(pb.ListVimsRequest(), timeout=WITHIN_S)).vims

    assert len(lines(file)) >= len(vims)
    assert {one["outcome"] for one in lines(file)} <= {"OK", "CANCELLED"}


def entry(*, is_refusal: bool = False) -> AuditEntry:
    return AuditEntry("x#y", f"{_VIMS}GetVim", ChangeSubject(), "OK", "", is_refusal=is_refusal)


def test_a_flood_of_refusals_does_not_fill_the_disk(file: Path) -> None:
    now = 1000.0
    log = AuditLog(file, clock=lambda: now)
    for _ in range(500):
        log.record(entry(is_refusal=True))
    log.record(entry())
    flooded = len(lines(file))
    now = 1001.0
    log.record(entry(is_refusal=True))
    log.close()

    assert flooded == 51
    assert lines(file)[50]["refusals_left_out"] == 450
    assert "refusals_left_out" not in lines(file)[51]


def test_a_file_that_is_moved_away_is_begun_anew(file: Path) -> None:
    log, other = AuditLog(file), AuditLog(file)
    log.record(entry())
    file.rename(file.with_suffix(".1"))
    log.record(entry())
    other.record(entry())
    log.close()
    other.close()

    assert (len(lines(file.with_suffix(".1"))), len(lines(file))) == (1, 2)


def test_a_disk_that_is_full_fails_no_change_and_is_an_error_in_the_log() -> None:
    log = AuditLog(Path("/dev/full"))
    with structlog.testing.capture_logs() as logged:
        log.record(entry())
        log.record(entry())
    log.close()

    assert [(one["log_level"], one["event"]) for one in logged] == [("error", "the audit cannot be written")]


def test_a_file_that_cannot_be_written_prevents_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="audit_file"):
        AuditLog(tmp_path / "missing" / "audit.log")
