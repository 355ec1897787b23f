"""Combines a host with a reporter. The ping actions of every engine run in such a host."""

from __future__ import annotations

import resource
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Never

import grpc

from vimesh.domain.actions import Action
from vimesh.domain.endpoints import AuthUrlInvalid
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.build_host import HostSettings, hosting
from vimesh.monitor.logins.build_logins import LoginSettings, Reach, logging_in
from vimesh.monitor.logins.vim_logins import VimLogins
from vimesh.monitor.loop_guard.safeguards import Safeguards
from vimesh.monitor.references.reference_addresses import References
from vimesh.monitor.reporting.condition_reporter import ConditionReporter
from vimesh.monitor.reporting.history_delivery import HistoryDelivery
from vimesh.monitor.reporting.report_ledger import ReportLedger
from vimesh.monitor.reporting.reporter import Reporter, ReporterLimits
from vimesh.monitor.reporting.second_opinions import OpinionCalls, OtherMonitors, SecondOpinions
from vimesh.rpc.channels import channel
from vimesh.target_rules.fleet_addresses import FleetAddresses
from vimesh.target_rules.target_rules import TargetRules
from vimesh.tracing.spans import Tracer
from vimesh.v1 import conductor_service_pb2_grpc, history_service_pb2_grpc

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub


@dataclass(frozen=True, slots=True)
class ReportingHost:
    """Runs actions and reports for them. The caller must run the reporter, and `follow_front`."""

    host: ActionHost
    ledger: ReportLedger
    reporter: Reporter
    front: grpc.aio.Channel
    stub: ConductorServiceAsyncStub
    follow_front: Callable[[], Awaitable[Never]]
    """Keeps the addresses of the front up to date, which must not be probed."""
    opinions: SecondOpinions | None
    """Asks other monitors before a VIM is called UNREACHABLE; None: nobody is asked. The caller must run it."""
    delivery: HistoryDelivery | None = None
    """Delivers what rounds come to; None if that is not wanted. The caller must run both of its loops."""
    conditions: ConditionReporter | None = None
    """Tells what probes show besides verdicts; None if that is not wanted. The caller must run it."""
    logins: VimLogins | None = None
    """Logs in to the VIMs that want it; None if that is not wanted. The caller must run it."""

    def start(self, action: Action) -> bool:
        """Run an action and report for it; False if it runs already. Raises AuthUrlInvalid."""
        if self.host.runs(action.vim_id, action.action_id):
            self.ledger.reclaim_action(action.vim_id, action.action_id, action.observation)
            return False
        # First: an action that shares the probes of others gets their verdict at once.
        self.ledger.add_action(action.vim_id, action.action_id, action.observation)
        try:
            started = self.host.start(action)
        except AuthUrlInvalid:
            self.ledger.remove_action(action.vim_id, action.action_id)
            raise
        if self.logins is not None:
            self.logins.start(action)
        return started

    def stop(self, vim_id: str, action_id: str) -> bool:
        """End an action; False if it does not run (any more)."""
        if self.opinions is not None:
            self.opinions.forget(vim_id, action_id)
        if self.logins is not None:
            self.logins.stop(vim_id, action_id)
        self.ledger.remove_action(vim_id, action_id)
        return self.host.stop(vim_id, action_id)


@asynccontextmanager
async def reporting_host(  # noqa: PLR0913 - what it is built from
    address: str,
    limits: ReporterLimits,
    rules: TargetRules,
    *,
    references: References = (),
    credentials: Path | None = None,
    safeguards: Safeguards | None = None,
    history: bool = False,
    conditions: bool = False,
    tracer: Tracer | None = None,
    others: OtherMonitors | None = None,
    logins: LoginSettings | None = None,
    on_bad_action: Callable[[str, str], object] = lambda _vim_id, _action_id: None,
) -> AsyncGenerator[ReportingHost]:
    """Yield a host that probes by the rules, and reports to `address`.

    Actions that are answered with bad_action are stopped and then passed on to `on_bad_action`: (vim_id, action_id).
    `references`: what proves that the network of this process works. `credentials`: see `channel`. `history`: whether
    to gather what rounds come to. `conditions`: whether to gather what they show besides. `tracer`: None: no call is
    traced. `others`: who is asked before a VIM is called UNREACHABLE; None: nobody. `logins`: how to log in to VIMs
    that want it; None: not at all. Raises BadSetting.
    """
    _allow_all_files()
    async with channel(address, credentials) as to_conductors:
        stub = conductor_service_pb2_grpc.ConductorServiceStub(to_conductors)
        # Spreads contacts in time and protects nothing; secure random numbers would cost a system call each.
        random = Random()  # noqa: S311 - see above
        ledger = ReportLedger(random=random)
        fleet = FleetAddresses(clock=time.monotonic)
        await fleet.look_up_front(address)
        settings = HostSettings(
            user_agent=f"vimesh/{metadata.version('vimesh')}",
            rules=rules,
            history=history,
            conditions=conditions,
            references=references,
        )
        opinions = None
        if others is not None:
            opinions = SecondOpinions(
                OpinionCalls(stub, others.monitor_id),
                ledger.queue_verdict,
                round_trip_of=lambda vim_id, action_id: host.round_trip_s(vim_id, action_id),  # noqa: PLW0108 - no host yet
                is_alone=others.are_none,
                is_cut_off=lambda: host.is_cut_off,
                clock=time.monotonic,
            )
        on_verdict = ledger.queue_verdict if opinions is None else opinions.consider
        with ExitStack() as scope:
            host = scope.enter_context(hosting(on_verdict, settings, safeguards, fleet))
            vim_logins = None
            if logins is not None and host.conditions is not None:
                reach = Reach(host.gate, host.resolver, settings.user_agent)
                vim_logins = scope.enter_context(logging_in(stub, host.conditions.book, reach, logins, random))

            def stop(vim_id: str, action_id: str) -> None:
                host.stop(vim_id, action_id)
                if vim_logins is not None:
                    vim_logins.stop(vim_id, action_id)
                if opinions is not None:
                    opinions.forget(vim_id, action_id)
                on_bad_action(vim_id, action_id)

            reporter = Reporter(
                stub,
                ledger,
                recheck=host.recheck,
                on_bad_action=stop,
                clock=time.monotonic,
                random=random,
                limits=limits,
                tracer=tracer,
            )
            delivery = None
            if host.history is not None:
                history_stub = history_service_pb2_grpc.HistoryServiceStub(to_conductors)
                delivery = HistoryDelivery(
                    history_stub, host.history, clock=time.monotonic, random=random, tracer=tracer
                )
            told = None
            if host.conditions is not None:

                def end(vim_id: str, action_id: str) -> None:
                    ledger.remove_action(vim_id, action_id)
                    stop(vim_id, action_id)

                told = ConditionReporter(stub, host.conditions.book, on_bad_action=end, random=random, tracer=tracer)
            yield ReportingHost(
                host,
                ledger,
                reporter,
                to_conductors,
                stub,
                lambda: fleet.follow_front(address),
                opinions,
                delivery,
                told,
                vim_logins,
            )


def _allow_all_files() -> None:
    """Raise the limit on open files as far as the administrator allows: each TCP probe under way is an open file."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
