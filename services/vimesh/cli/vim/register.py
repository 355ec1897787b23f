"""vimesh vim register: registers one VIM, and waits for a status if wanted."""

from __future__ import annotations

import shlex
import uuid
from typing import Annotated

import grpc
import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.durations import limit_s
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.client.explain_failures import failure
from vimesh.cli.client.front import run
from vimesh.cli.client_files import entry_choice
from vimesh.cli.input import probe_policy, vim_fields
from vimesh.cli.input.probe_policy import PolicyFlags
from vimesh.cli.input.vim_fields import fill_from_flags
from vimesh.cli.lists import print_vims
from vimesh.cli.selection import label_flags
from vimesh.cli.selection.dry_run import DryRun, is_dry_run, say_dry_run
from vimesh.cli.watches.wait_for_status import WaitCondition, wait_for
from vimesh.client.calls.front_stubs import Front
from vimesh.client.calls.unreachable_front import nothing_listens, unresolvable
from vimesh.domain.settings import BadFlag
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb


def register(  # noqa: PLR0913 - one parameter per flag
    name_argument: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Name of the VIM.", show_default=False)
    ] = None,
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Same as the argument.")] = None,
    type_: vim_fields.Type = None,
    auth_url: vim_fields.AuthUrl = None,
    config_file: vim_fields.ConfigFile = None,
    cloud: entry_choice.Cloud = None,
    kube_context: entry_choice.KubeContext = None,
    engine: vim_fields.Engine = None,
    description: vim_fields.Description = None,
    is_default: vim_fields.Default = None,
    label: label_flags.Labels = None,
    project: Annotated[str, typer.Option("--project", metavar="ID", help="Project of the VIM.")] = "",
    vim_id: Annotated[str, typer.Option("--id", metavar="UUID", help="ID to assign (default: generated).")] = "",
    method: probe_policy.Method = None,
    interval: probe_policy.Interval = None,
    timeout: probe_policy.Timeout = None,
    fall: probe_policy.Fall = None,
    rise: probe_policy.Rise = None,
    tls_verify: probe_policy.TlsVerify = None,
    fail_for: probe_policy.FailFor = None,
    vantage: probe_policy.Vantages = None,
    quorum: probe_policy.Quorum = None,
    depth: probe_policy.Depth = None,
    login_interval: probe_policy.LoginInterval = None,
    wait: Annotated[
        str | None, typer.Option("--wait", metavar="STATUS", help="Wait for a status, such as REACHABLE.")
    ] = None,
    wait_timeout: Annotated[str, typer.Option("--wait-timeout", metavar="DURATION", help="How long to wait.")] = "30s",
    request_id: Annotated[
        str | None,
        typer.Option("--request-id", metavar="UUID", help="Request ID of an earlier attempt that got no answer."),
    ] = None,
    dry_run: DryRun = "none",
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.CallTimeout = None,
    config: flags.Config = None,
) -> None:
    """Register a VIM. Its cloud need not be up."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    vim = vim_pb2.Vim(name=_name(name_argument, name), project_id=project, type="openstack")
    if config_file is not None or cloud is not None or kube_context is not None:
        from vimesh.cli.client_files.fill_from_file import fill_from_file  # noqa: PLC0415 - YAML is slow to import, and only files need it

        fill_from_file(vim, config_file, cloud, kube_context)
    if not vim.name:
        raise BadFlag("--name", "is required")
    fill_from_flags(vim, description=description, type_=type_, auth_url=auth_url, is_default=is_default)
    vim.labels.update(label_flags.labels_of(label or ()))
    if not vim.auth_url:
        raise BadFlag("--auth-url", "is required, or a --config-file that has it")
    probing = PolicyFlags(
        method, interval, timeout, fall, rise, tls_verify, fail_for, vantage, quorum, depth, login_interval
    )
    probing.apply(vim.probe_policy)
    condition = WaitCondition.parse("--wait", wait) if wait else None
    within_s = limit_s("--wait-timeout", wait_timeout)
    only_check = is_dry_run(dry_run)
    if only_check and condition is not None:
        raise BadFlag("--wait", "cannot be used with --dry-run: there is no VIM to wait for")
    request = pb.RegisterVimRequest(
        vim=vim,
        request_id=request_id or str(uuid.uuid4()),
        engine=vim_fields.engine(engine),
        vim_id=vim_id,
        validate_only=only_check,
    )

    async def register_and_wait(front: Front) -> vim_pb2.Vim:
        registered = await _register(front, request)
        if condition is None:
            return registered
        try:
            return await wait_for(front, registered, condition, within_s) or registered
        except Failure as failed:
            if failed.code is ExitCode.NOT_MET:
                go_on = f"vimesh vim wait {shlex.quote(registered.name)} --for {condition.word}"
                failed.hint = f"{registered.name} is registered; to continue waiting: {go_on}"
            raise

    print_vims.one(settings.output, run(settings, register_and_wait))
    say_dry_run(dry_run=only_check)


def _name(argument: str | None, flag: str | None) -> str:
    if argument and flag and argument != flag:
        raise BadFlag("--name", f"is {flag!r}, but the argument is {argument!r}")
    return argument or flag or ""


async def _register(front: Front, request: pb.RegisterVimRequest) -> vim_pb2.Vim:
    try:
        return (await front.vims.RegisterVim(request, timeout=front.timeout_s)).vim
    except grpc.aio.AioRpcError as error:
        failed = failure(error, front.address)
        words = error.details() or ""
        if failed.code is not ExitCode.UNAVAILABLE or nothing_listens(words) or unresolvable(words):
            raise
        # The call may have succeeded.
        raise Failure(
            str(failed),
            code=failed.code,
            hint=f"{failed.hint}; to retry safely, add --request-id {request.request_id}",
        ) from error
