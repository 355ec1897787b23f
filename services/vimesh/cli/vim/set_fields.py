"""vimesh vim set: changes fields of a VIM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import grpc
import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.front import run
from vimesh.cli.client_files import entry_choice
from vimesh.cli.input import probe_policy, vim_fields
from vimesh.cli.input.probe_policy import PolicyFlags
from vimesh.cli.input.vim_fields import fill_from_flags
from vimesh.cli.lists import print_vims
from vimesh.cli.selection.dry_run import DryRun, is_dry_run, say_dry_run
from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.find_vim import find
from vimesh.domain.settings import BadFlag
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Monitor, Vim

_ATTEMPTS = 5


def set_vim(  # noqa: PLR0913 - one parameter per flag
    vim: client_flags.Given,
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="New name.")] = None,
    type_: vim_fields.Type = None,
    auth_url: vim_fields.AuthUrl = None,
    config_file: vim_fields.ConfigFile = None,
    cloud: entry_choice.Cloud = None,
    kube_context: entry_choice.KubeContext = None,
    engine: vim_fields.Engine = None,
    description: vim_fields.Description = None,
    is_default: vim_fields.Default = None,
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
    etag: Annotated[
        str,
        typer.Option("--etag", metavar="ETAG", help="Change the VIM only if it still has this etag (see vim show)."),
    ] = "",
    dry_run: DryRun = "none",
    project: client_flags.Project = None,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.CallTimeout = None,
    config: flags.Config = None,
) -> None:
    """Change a VIM. Fields that are not given keep their values."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    changes, named = Vim(), list[str]()
    if config_file is not None or cloud is not None or kube_context is not None:
        from vimesh.cli.client_files.fill_from_file import fill_from_file  # noqa: PLC0415 - YAML is slow to import, and only files need it

        # A VIM keeps its name, however the file calls it.
        named = [field for field in fill_from_file(changes, config_file, cloud, kube_context) if field != "name"]
    named += fill_from_flags(
        changes, name=name, description=description, type_=type_, auth_url=auth_url, is_default=is_default
    )
    probing = PolicyFlags(
        method, interval, timeout, fall, rise, tls_verify, fail_for, vantage, quorum, depth, login_interval
    )
    if not named and not probing.given and engine is None:
        raise BadFlag("vim set", "nothing to change; see vimesh vim set --help")
    probing.check()
    only_check = is_dry_run(dry_run)
    change = _Change(changes, tuple(dict.fromkeys(named)), probing, vim_fields.engine(engine), etag, only_check)

    async def find_and_modify(front: Front) -> Vim:
        return await _modify(front, await find(front, vim, project), change)

    print_vims.one(settings.output, run(settings, find_and_modify))
    say_dry_run(dry_run=only_check)


@dataclass(frozen=True, slots=True)
class _Change:
    values: Vim
    fields: tuple[str, ...]
    probing: PolicyFlags
    engine: Monitor.Engine.ValueType
    etag: str
    only_check: bool

    def request(self, present_vim: Vim) -> pb.ModifyVimRequest:
        request = pb.ModifyVimRequest(
            vim=self.values, engine=self.engine, etag=self.etag, validate_only=self.only_check
        )
        request.vim.id = present_vim.id
        request.update_mask.paths.extend(self.fields)
        if self.probing.given:
            # The policy is replaced as a whole, so the etag must guard the values that are kept.
            request.update_mask.paths.append("probe_policy")
            request.vim.probe_policy.CopyFrom(present_vim.probe_policy)
            self.probing.apply(request.vim.probe_policy)
            request.etag = self.etag or present_vim.etag
        return request


async def _modify(front: Front, vim: Vim, change: _Change) -> Vim:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return (await front.vims.ModifyVim(change.request(vim), timeout=front.timeout_s)).vim
        except grpc.aio.AioRpcError as error:
            # If the user gave the etag, the user must resolve the mismatch.
            if error.code() is not grpc.StatusCode.ABORTED or change.etag or attempt == _ATTEMPTS:
                raise
        vim = (await front.vims.GetVim(pb.GetVimRequest(vim_id=vim.id), timeout=front.timeout_s)).vim
    raise AssertionError("the last attempt raises")
