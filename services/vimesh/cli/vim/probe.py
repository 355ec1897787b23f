"""vimesh vim probe: has a monitor probe a VIM now, and prints what it saw."""

from __future__ import annotations

from collections.abc import Sequence

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import client_settings
from vimesh.cli.client.front import run
from vimesh.cli.formats.output_formats import Output
from vimesh.cli.lists.print_vims import field_rows
from vimesh.cli.output import documents, text_tables
from vimesh.client.calls.front_stubs import Front
from vimesh.client.lookups.find_vim import find
from vimesh.v1.vim_pb2 import ProbeResult
from vimesh.v1.vim_service_pb2 import ProbeVimRequest


def probe(  # noqa: PLR0913 - one parameter per flag
    vim: client_flags.Given,
    *,
    project: client_flags.Project = None,
    output: client_flags.Output = None,
    address: flags.Address = None,
    credentials: flags.Credentials = None,
    profile: flags.Profile = None,
    call_timeout: client_flags.Timeout = None,
    config: flags.Config = None,
) -> None:
    """Have a monitor probe a VIM now, and print what it saw. Nothing is recorded: the status stays as it is."""
    settings = client_settings(
        config, profile=profile, address=address, credentials=credentials, call_timeout=call_timeout, output=output
    )

    async def ask(front: Front) -> Sequence[ProbeResult]:
        request = ProbeVimRequest(vim_id=(await find(front, vim, project)).id)
        return (await front.ask(front.vims.ProbeVim, request)).probes

    seen = [documents.document(probe) for probe in run(settings, ask)]
    if settings.output is not Output.TABLE:
        documents.write(settings.output, seen)
    elif len(seen) == 1:
        text_tables.write(("FIELD", "VALUE"), field_rows(seen[0]))
    else:
        text_tables.write(("FIELD", "VALUE"), field_rows({"probes": seen}))
