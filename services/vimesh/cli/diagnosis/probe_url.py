"""vimesh probe: probes a URL from here, as a monitor does, and prints what it saw."""

from __future__ import annotations

import asyncio
import datetime as dt
from importlib import metadata
from typing import Annotated, Final

import typer

from vimesh.cli.base import client_flags, flags
from vimesh.cli.base.client_settings import chosen_output
from vimesh.cli.base.common_settings import given
from vimesh.cli.base.exits import ExitCode
from vimesh.cli.formats.output_formats import DOCUMENTS, Output
from vimesh.cli.input import probe_policy
from vimesh.cli.lists.print_vims import field_rows
from vimesh.cli.output import documents, text_tables
from vimesh.domain.endpoints import AuthUrlInvalid, without_credentials
from vimesh.domain.errors import BadInput
from vimesh.domain.probes.asked_probes import AskedProbe, ProbeSighting
from vimesh.domain.probing import Depth, require_depth
from vimesh.domain.settings import BadFlag
from vimesh.domain.vims import TYPES, Status
from vimesh.monitor.host.build_host import HostSettings, hosting
from vimesh.monitor.targets.verdict import Verdict
from vimesh.target_rules.networks import parse_networks
from vimesh.target_rules.target_rules import TargetRules
from vimesh.v1 import vim_pb2
from vimesh.wire.probes.probe_messages import probe_result
from vimesh.wire.vim_messages import policy_from_message

_SHORTEST_TIMEOUT_S: Final = 0.05
_LONGEST_TIMEOUT_S: Final = 60.0
_NAMES_S: Final = 10.0
_LONGEST_S: Final = 120.0
_ANYWHERE: Final = "0.0.0.0/0,::/0"


def probe(  # noqa: PLR0913 - one parameter per flag
    url: Annotated[str, typer.Argument(metavar="URL", help="http or https URL, as the auth_url of a VIM.")],
    *,
    type_: Annotated[
        str | None,
        typer.Option("--type", metavar="|".join(TYPES), help="Type of the VIM, which --depth service needs."),
    ] = None,
    method: probe_policy.Method = None,
    depth: probe_policy.Depth = None,
    timeout: probe_policy.Timeout = None,
    fall: probe_policy.Fall = None,
    tls_verify: probe_policy.TlsVerify = None,
    output: client_flags.Output = None,
    config: flags.Config = None,
) -> None:
    """Probe a URL once from this machine, without a fleet, and print what was seen step by step.

    The code of the monitors probes, and nothing is recorded. Any address may be probed, even one that monitors may not
    probe. If the answer is not REACHABLE, the exit code is 4.
    """
    chosen = chosen_output(given(config), output, DOCUMENTS)
    asked = _asked(
        url, type_, probe_policy.PolicyFlags(method, None, timeout, fall, None, tls_verify, None, depth=depth)
    )
    sighting = asyncio.run(_round(asked))
    _print(chosen, asked.auth_url, sighting)
    if sighting.status is not Status.REACHABLE:
        raise typer.Exit(ExitCode.NOT_MET)


def _asked(url: str, vim_type: str | None, wanted: probe_policy.PolicyFlags) -> AskedProbe:
    """Return what to probe, and how. Raises BadFlag."""
    if vim_type is not None and vim_type not in TYPES:
        raise BadFlag("--type", f"must be one of {', '.join(TYPES)}, not {vim_type!r}")
    message = vim_pb2.ProbePolicy()
    wanted.apply(message)
    policy = policy_from_message(message)
    if not _SHORTEST_TIMEOUT_S <= policy.timeout_s <= _LONGEST_TIMEOUT_S:
        raise BadFlag("--timeout", f"must be from {_SHORTEST_TIMEOUT_S:g} s to {_LONGEST_TIMEOUT_S:g} s")
    try:
        require_depth(policy)
    except BadInput as error:
        raise BadFlag("--depth", error.violations[0].description) from error
    if policy.depth is Depth.LOGIN:
        raise BadFlag("--depth", "login needs the credentials of a VIM: register it, or use service")
    if policy.depth is Depth.SERVICE and vim_type is None:
        raise BadFlag("--type", f"is needed for --depth service: one of {', '.join(TYPES)}")
    try:
        return AskedProbe("", without_credentials(url), policy, vim_type or "", wants_evidence=True)
    except AuthUrlInvalid as error:
        raise BadFlag("URL", str(error)) from error


async def _round(asked: AskedProbe) -> ProbeSighting:
    # Whoever types this can reach any address by other means, too.
    settings = HostSettings(
        user_agent=f"vimesh/{metadata.version('vimesh')}", rules=TargetRules(allow=parse_networks(_ANYWHERE))
    )
    policy = asked.policy
    within_s = min(_LONGEST_S, _NAMES_S + policy.timeout_s * policy.fall)
    with hosting(lambda _: None, settings) as host:
        told: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        trace = host.requested_rounds.new_trace()
        host.requested_rounds.start(asked, within_s, told.set_result, trace)
        verdict = await told
        return ProbeSighting(
            verdict.status, verdict.reason, verdict.detail, verdict.round_trip_s, "", "", trace.evidence()
        )


def _print(output: Output, url: str, sighting: ProbeSighting) -> None:
    of_round = documents.document(probe_result(sighting, dt.datetime.now(dt.UTC)))
    of_fleets = ("monitor_id", "vantage")
    content = {"url": url, **{name: value for name, value in of_round.items() if name not in of_fleets}}
    if output is Output.TABLE:
        text_tables.write(("FIELD", "VALUE"), field_rows(content))
    else:
        documents.write(output, content)
