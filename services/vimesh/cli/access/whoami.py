"""vimesh whoami and vimesh auth can-i: show who the caller is to the fleet, and what it may do."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.base.exits import ExitCode
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.output import documents, text_tables
from vimesh.client.calls.front_stubs import Front
from vimesh.domain.settings import BadFlag
from vimesh.v1 import access_service_pb2 as pb

auth = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Check what the caller may do.")

_OF_PROJECTS: Final = {
    "register": "vimesh.v1.VimService/RegisterVim",
    "show": "vimesh.v1.VimService/GetVim",
    "list": "vimesh.v1.VimService/ListVims",
    "set": "vimesh.v1.VimService/ModifyVim",
    "deregister": "vimesh.v1.VimService/DeregisterVim",
    "watch": "vimesh.v1.VimService/WatchVims",
    "events": "vimesh.v1.VimService/ListVimEvents",
}
"""The RPC behind each command for VIMs."""
_VERBS: Final = {
    **_OF_PROJECTS,
    "report": "vimesh.v1.ConductorService/UpdateVim",
    "drive": "vimesh.v1.WorkflowService/ClaimWorkflowTasks",
    "status": "vimesh.v1.FleetService/GetFleetStatus",
    "availability": "vimesh.v1.AvailabilityService/QueryAvailability",
}


def whoami(  # noqa: PLR0913 - one parameter per flag
    *,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Show the identity, roles and projects that the fleet knows the caller by."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )
    answer = run(settings, _ask)
    if settings.output is not Output.TABLE:
        documents.write(settings.output, documents.document(answer))
        return
    text_tables.write(
        ("FIELD", "VALUE"),
        [
            ("identity", answer.identity or "none: this fleet requires no identity"),
            ("roles", ", ".join(answer.roles)),
            ("projects", "all" if answer.all_projects else ", ".join(answer.projects)),
            ("engines", ", ".join(answer.engines)),
            ("may", ", ".join(verb for verb, rpc in _VERBS.items() if rpc in answer.rpcs)),
        ],
    )


@auth.command("can-i")
def can_i(  # noqa: PLR0913 - one parameter per flag
    verb: Annotated[str, typer.Argument(metavar="VERB", help=f"{', '.join(_VERBS)}; or the name of an RPC.")],
    *,
    project: Annotated[
        str | None, typer.Option("--project", metavar="ID", help="Project of the VIMs [default: any].")
    ] = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Print yes or no; the exit code of no is 4."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=None
    )
    answer = run(settings, _ask)
    allowed = _rpc_of(verb) in answer.rpcs and _has_project(answer, project)
    print("yes" if allowed else "no")  # noqa: T201 - the output
    if not allowed:
        raise typer.Exit(ExitCode.NOT_MET)


async def _ask(front: Front) -> pb.WhoAmIResponse:
    return await front.access.WhoAmI(pb.WhoAmIRequest(), timeout=front.timeout_s)


def _rpc_of(verb: str) -> str:
    if verb in _VERBS:
        return _VERBS[verb]
    if verb.count("/") == 1:
        return verb
    raise BadFlag("VERB", f"must be one of {', '.join(_VERBS)}, or an RPC such as {_VERBS['show']}")


def _has_project(answer: pb.WhoAmIResponse, project: str | None) -> bool:
    return answer.all_projects or (project in answer.projects if project else bool(answer.projects))
