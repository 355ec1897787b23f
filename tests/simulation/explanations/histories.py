"""Lets a VIM live at random on a real store, and the model with it, and judges its explanations on the way.

What the store does is real: registrations, reports, leases, silences, replacements, tasks, the pool, views,
maintenance, causes and the history. Time is not waited for: what ends at some time ends that much earlier, in both.
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from sqlalchemy import delete, select, update

from tests.simulation.explanations.claim_truth import TOLERANCE_S, Untrue, require_truth
from tests.simulation.explanations.true_state import (
    TrueChange,
    TrueLook,
    TrueMonitor,
    TrueTask,
    TrueVim,
    TrueWorld,
)
from tests.support.sql.stores import elapse, registration
from vimesh.domain.access.caller import OPEN_CALLER
from vimesh.domain.causes.causes import NewCause
from vimesh.domain.causes.traits import CauseMember, trait_of_subject
from vimesh.domain.conditions.conditions import Certificate, Condition, ConditionStatus
from vimesh.domain.events import EventKind
from vimesh.domain.explain.claims import Explanation, ForeseenKind
from vimesh.domain.explain.explain_vim import explain
from vimesh.domain.explain.vim_evidence import VimEvidence
from vimesh.domain.history.history_store import DigestDelivery
from vimesh.domain.history.round_digests import record_of
from vimesh.domain.maintenance.maintenance_windows import Coverage, NewWindow
from vimesh.domain.pool.pool_members import MEMBER_LEASE_S, PoolPlace
from vimesh.domain.probing import Depth, Method, ProbePolicy, Reason
from vimesh.domain.todos import TodoKind
from vimesh.domain.vim_conditions.condition_reports import ConditionReport, ConditionsRecorded
from vimesh.domain.vims import CauseKind, Engine, Modification, Report, Status, Vim
from vimesh.store.schema.cause_tables import cause_members, cause_projects, cause_turns, causes
from vimesh.store.schema.maintenance_tables import maintenance_spans, maintenances
from vimesh.store.schema.pool_tables import monitors
from vimesh.store.schema.tables import todos
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore

Explainer = Callable[[VimEvidence, float], Explanation]

TICK_S: Final = 70.0
"""Leaves 10 s between any moment and the end of any lease or grace, which last 60, 120, 150, 240 s and so on."""
PACES_S: Final = (20.0, 50.0)
_CONTACT_WITHIN_S: Final = 20.0
_GRACE_S: Final = 60.0
_LONGEST_GRACE_S: Final = 3600.0
_LONGEST_LEASE_S: Final = 180.0
_CLAIM_S: Final = 30.0
_VANTAGES: Final = ("default", "eu", "us", "asia")
_REASONS: Final = {
    Status.REACHABLE: ("",),
    Status.UNREACHABLE: (
        *(Reason.TIMEOUT, Reason.REFUSED, Reason.RESET, Reason.HOST_UNREACHABLE, Reason.NET_UNREACHABLE, Reason.DNS),
        *(Reason.TLS, Reason.PROTOCOL, "HTTP_503", "ODD_WORD"),
    ),
    Status.UNKNOWN: (
        *(Reason.LOCAL_NO_ROUTE, Reason.LOCAL_NETWORK, Reason.LOCAL_PERMISSION, Reason.LOCAL_DENIED),
        *(Reason.LOCAL_RESOURCES, Reason.LOCAL_RESOLVER, Reason.LOCAL_DEFECT, Reason.LOCAL_STUCK),
        *(Reason.LOCAL_SET_ASIDE, "LOCAL_ODD_WORD", Reason.DISPUTED),
    ),
}
_EMPTIED: Final = (
    *(monitors, todos, maintenances, maintenance_spans, causes, cause_members, cause_projects, cause_turns),
)
"""What one history would leave to the next one."""
_CERTIFICATE: Final = Certificate(
    subject="CN=cloud.example.org",
    issuer="CN=An issuer,O=Example",
    names=("cloud.example.org",),
    not_before=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    not_after=dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
    sha256="ab" * 32,
    chain_subjects=(),
    verified=None,
    verify_error="",
)
_PREFIX: Final = trait_of_subject(CauseKind.NETWORK, "192.0.2.0/24", "")
_HOLDER: Final = str(uuid.UUID(int=7, version=4))


@dataclass
class Tally:
    """How much was judged."""

    histories: int = 0
    explanations: int = 0
    claims: int = 0
    played: int = 0
    """Changes that were foreseen, and then made to come."""


def _explained(evidence: VimEvidence, contact_within_s: float) -> Explanation:
    return explain(evidence, contact_within_s=contact_within_s)


class History:
    """One life of one VIM, in a database that has no others."""

    def __init__(self, store: SqlStore, dice: Random, tally: Tally, explainer: Explainer = _explained) -> None:
        self._store = store
        self._dice = dice
        self._tally = tally
        self._explain = explainer
        self._observation = 0
        self._world: TrueWorld

    async def play(self, steps: int) -> None:
        """Raises Untrue."""
        await self._store._database.write(lambda connection: [connection.execute(delete(table)) for table in _EMPTIED])
        await self._register()
        for _ in range(self._dice.randrange(steps + 1)):
            await self._dice.choice(self._deeds())()
            if self._dice.random() < 0.25:
                await self._judge()
        explanation = await self._judge()
        await self._play_a_change(explanation)
        await self._store.deregister(self._world.vim.vim_id)
        self._tally.histories += 1

    def _deeds(self) -> list[Callable[[], Any]]:
        vim = self._world.vim
        deeds: list[Callable[[], Any]] = [
            *[self._report] * 5,
            *[self._pass_time] * 2,
            *[self._pass_little_time] * 2,
            *[self._sweep] * 2,
            self._new_target,
            self._new_policy,
            self._plan_maintenance,
            self._record_rounds,
        ]
        if vim.policy.reaches(Depth.SERVICE):
            deeds += [self._look_deeper] * 3
        if vim.engine is Engine.EMBEDDED:
            deeds += [self._join, self._join, self._let_a_monitor_die, self._drain]
        if vim.engine is Engine.MISTRAL:
            deeds += [self._claim_tasks, self._claim_tasks, self._end_a_claim, self._end_a_claim]
        if vim.reading(time.time())[0] in {Status.UNREACHABLE, Status.UNKNOWN} and not vim.cause_id:
            deeds.append(self._find_a_cause)
        return deeds

    # --- the deeds

    async def _register(self) -> None:
        engine = self._dice.choice((Engine.EMBEDDED, Engine.EMBEDDED, Engine.MISTRAL, Engine.EXTERNAL))
        policy = self._policy(engine)
        name = self._dice.choice(("lab", "a b", "öst'"))
        registered = await self._store.register(registration(name=name, engine=engine, policy=policy))
        vim = await self._store.get(registered.id)
        self._world = TrueWorld(TrueVim(vim.id, name, engine, policy, self._new_looks(vim)))
        self._follow_tasks("", engine)

    def _policy(self, engine: Engine) -> ProbePolicy:
        dice = self._dice
        count = dice.choice((0, 0, 0, 1, 2, 3, 4)) if engine is Engine.EMBEDDED else 0
        vantages = tuple(dice.sample(_VANTAGES, count))
        method = dice.choice(list(Method))
        return ProbePolicy(
            method=method,
            interval_s=dice.choice((5.0, 10.0)),
            timeout_s=dice.choice((0.5, 1.0)),
            fall=dice.randint(1, 4),
            rise=dice.randint(1, 3),
            tls_verify=dice.random() < 0.3,
            fail_for_s=dice.choice((0.0, 0.0, 60.0)),
            vantages=vantages,
            quorum=dice.randint(0, max(count, 1)),
            depth=dice.choice((Depth.OF_METHOD, Depth.SERVICE, Depth.LOGIN))
            if method is Method.HTTP
            else Depth.OF_METHOD,
        )

    def _new_looks(self, vim: Vim) -> list[TrueLook]:
        end = time.time() + _GRACE_S
        if vim.views:
            return [TrueLook(view.vantage, view.action_id, end) for view in vim.views]
        vantage = vim.policy.vantages[0] if vim.policy.vantages else ""
        return [TrueLook(vantage, vim.monitor.action_id, end)]

    async def _report(self) -> None:
        vim, dice = self._world.vim, self._dice
        look = dice.choice(vim.looks)
        status = dice.choice(
            (Status.REACHABLE, Status.REACHABLE, Status.UNREACHABLE, Status.UNREACHABLE, Status.UNKNOWN)
        )
        await self._say(look, status, dice.choice(_REASONS[status]), dice.choice(PACES_S))

    async def _say(self, look: TrueLook, status: Status, reason: str, pace_s: float) -> None:
        self._observation += 1
        detail = f"seen as {reason}." if reason else ""
        said = Report(self._world.vim.vim_id, look.action_id, status, self._observation, reason, detail)
        await self._store.record_reports([said], contact_within_s=pace_s)
        now = time.time()
        same = look.holds and look.runs(now) and (look.status, look.reason) == (status, reason)
        # Silences are on record before what ends them, those of other vantages, too.
        self._note_silences(now)
        keeps = self._world.vim.has_views or (look.heard and look.holds)
        # No lease becomes shorter, unless it is longer than any could be.
        longest = now + _LONGEST_LEASE_S
        kept = min(look.end, 0.0 if self._world.vim.has_views and look.end > longest else longest) if keeps else 0.0
        look.end = max(now + 3 * pace_s, kept)
        look.detail = detail if not same else look.detail
        look.status, look.reason = status, reason
        look.heard = look.holds = True
        look.unheard = 0
        await self._follow_changes()

    def _note_silences(self, now: float) -> None:
        for look in self._world.vim.looks:
            if look.holds and not look.runs(now):
                look.status, look.reason, look.detail, look.holds = Status.UNKNOWN, Reason.SILENT, "", False

    async def _pass_time(self) -> None:
        await self._pass(TICK_S * self._dice.choice((1, 1, 2, 4)))

    async def _pass_little_time(self) -> None:
        """Let members of the pool die, and to-dos become due, while leases go on."""
        if any(0 < look.end - time.time() - 20.0 < 2 * TOLERANCE_S for look in self._world.vim.looks):
            return
        await self._pass(20.0)

    async def _pass(self, seconds: float) -> None:
        await elapse(self._store, seconds)
        shift = update(monitors).values(lease_until=monitors.c.lease_until - micros(seconds))
        await self._store._database.write(lambda connection: connection.execute(shift))
        for look in self._world.vim.looks:
            look.end -= seconds
        for monitor in self._world.monitors:
            monitor.end -= seconds
        for task in self._world.vim.tasks:
            task.due -= seconds

    async def _sweep(self) -> None:
        """Record silences, and replace silent actions."""
        vim = self._world.vim
        await self._store.record_lapses(100)
        now = time.time()
        self._note_silences(now)
        await self._follow_changes()
        waits = vim.is_waiting()
        await self._store.replace_silent(100)
        replaced = [look for look in vim.looks if not look.holds and not look.runs(now)]
        if vim.engine is Engine.EXTERNAL:
            return
        if waits and not vim.looks[0].heard:
            for look in replaced:
                look.end = now + _LONGEST_GRACE_S
            return
        if not replaced:
            return
        found = await self._store.get(vim.vim_id)
        ids = {view.vantage: view.action_id for view in found.views} or {"": found.monitor.action_id}
        for look in replaced:
            before = look.action_id
            look.action_id = ids[look.vantage] if vim.has_views else found.monitor.action_id
            if look.action_id == before:
                raise Untrue(f"the silent action {before} was not replaced: {self._world}")
            look.unheard = 0 if look.heard else look.unheard + 1
            look.end = now + min(_GRACE_S * 2**look.unheard, _LONGEST_GRACE_S)
            look.heard = False
            self._follow_tasks(before, vim.engine)

    async def _new_target(self) -> None:
        await self._modify(Modification(auth_url=f"http://192.0.2.{self._dice.randint(1, 250)}:5000/v3"))

    async def _new_policy(self) -> None:
        await self._modify(
            Modification(policy=self._policy(self._world.vim.engine), auth_url=f"http://{uuid.uuid4()}/")
        )

    async def _modify(self, wish: Modification) -> None:
        """Change what is probed: all actions are new, and nothing is known."""
        vim = self._world.vim
        before = [look.action_id for look in vim.looks]
        after = await self._store.modify(vim.vim_id, wish)
        if isinstance(wish.policy, ProbePolicy):
            vim.policy = wish.policy
        if after.monitor.action_id in before:
            return  # the same target as before
        after = await self._store.get(vim.vim_id)
        vim.looks = self._new_looks(after)
        # It is another cloud from now on.
        vim.conditions, vim.certificate_end = {}, 0.0
        self._observation = 0
        self._follow_tasks(before[0], vim.engine)
        await self._follow_changes()

    async def _join(self) -> None:
        vantage = self._dice.choice(self._world.vim.looks).vantage or "default"
        monitor_id = str(uuid.UUID(int=self._dice.getrandbits(128), version=4))
        await self._store.pool.join(monitor_id, PoolPlace(vantage), "", monitor_id)
        self._world.monitors.append(TrueMonitor(monitor_id, vantage, time.time() + MEMBER_LEASE_S))

    async def _let_a_monitor_die(self) -> None:
        """Its lease ends at once; it stays a member until somebody removes it."""
        if self._world.monitors:
            monitor = self._dice.choice(self._world.monitors)
            monitor.end -= 60.0
            dies = update(monitors).where(monitors.c.id == monitor.monitor_id)
            dies = dies.values(lease_until=monitors.c.lease_until - micros(60.0))
            await self._store._database.write(lambda connection: connection.execute(dies))

    async def _drain(self) -> None:
        if self._world.monitors:
            monitor = self._dice.choice(self._world.monitors)
            monitor.draining = not monitor.draining
            await self._store.pool.drain(monitor.monitor_id, draining=monitor.draining)

    async def _claim_tasks(self) -> None:
        claimed = await self._store.claim_todos("api", 10, _CLAIM_S)
        vim, now = self._world.vim, time.time()
        for todo in claimed:
            task = next((one for one in vim.tasks if (one.kind, one.action_id) == (todo.kind, todo.action_id)), None)
            if task is not None:
                task.claim, task.due, task.attempts = (todo.id, todo.claim_token), now + _CLAIM_S, todo.attempt
        await self._forget_dropped_tasks()

    async def _forget_dropped_tasks(self) -> None:
        """Follow starts of actions that are not wanted any more: they are dropped when their turn comes."""
        vim, wanted = self._world.vim, self._world.vim.looks[0].action_id
        rows = await self._store._database.read(lambda connection: connection.execute(select(todos)).mappings().all())
        left = {row["action_id"] for row in rows if row["kind"] == TodoKind.START}
        vim.tasks = [
            one for one in vim.tasks if one.kind is TodoKind.STOP or one.action_id == wanted or one.action_id in left
        ]

    async def _end_a_claim(self) -> None:
        vim = self._world.vim
        task = next((one for one in vim.tasks if one.claim is not None), None)
        if task is None or task.claim is None:
            return
        how = self._dice.choice(("done", "failed", "postponed"))
        now = time.time()
        if how == "done":
            await self._store.finish_todo(*task.claim)
            vim.tasks.remove(task)
            look = vim.looks[0]
            if task.kind is TodoKind.START and task.action_id == look.action_id and not look.heard:
                look.end = now + min(_GRACE_S * 2**look.unheard, _LONGEST_GRACE_S)
        elif how == "failed":
            task.error = "Mistral does not answer."
            await self._store.finish_todo(*task.claim, error=task.error)
            task.due, task.claim = now + 1.0, None
        else:
            await self._store.finish_todo(*task.claim, retry_after_s=40.0)
            task.error, task.due, task.claim = "", now + 40.0, None

    async def _plan_maintenance(self) -> None:
        vim = self._world.vim
        if vim.maintenance is None:
            window = NewWindow(Coverage("", vim_ids=[vim.vim_id]), "new switch", duration=dt.timedelta(hours=9))
            created = (await self._store.maintenance.create(window)).window
            vim.maintenance = (created.id, "new switch")
        else:
            await self._store.maintenance.end(vim.maintenance[0])
            vim.maintenance = None

    async def _record_rounds(self) -> None:
        vim, dice = self._world.vim, self._dice
        if vim.rounds:
            return
        answered, failed, lost = dice.randint(1, 5) * dice.randint(0, 1), dice.randint(1, 3), dice.randint(0, 9)
        record = record_of(
            int(time.time()) // 60 - 1, [dice.uniform(0.001, 0.2) for _ in range(answered)], failed, lost
        )
        delivery = DigestDelivery(vim.vim_id, vim.looks[0].action_id, record)
        if (await self._store.history.record_digests([delivery])).refused:
            return  # of a VIM with several vantages, there is no history
        vim.rounds, vim.answered, vim.lost = answered + failed, answered, lost

    async def _find_a_cause(self) -> None:
        vim, cause_id = self._world.vim, str(uuid.uuid4())
        assert await self._store.causes.take_turn(_HOLDER)
        assert await self._store.causes.begin(_HOLDER, NewCause(cause_id, _PREFIX, "TIMEOUT", 1.0, 3))
        member = CauseMember(vim.vim_id, "default", "192.0.2.1", False, {}, Status.UNREACHABLE, "TIMEOUT", 1.0)
        if await self._store.causes.add_vims(_HOLDER, cause_id, [member]):
            vim.cause_id = ((found := (await self._store.get(vim.vim_id)).cause) and found.cause_id) or ""

    async def _look_deeper(self) -> None:
        """Let an action say what it sees besides whether the VIM answers."""
        vim, dice = self._world.vim, self._dice
        status, reason = dice.choice((("TRUE", ""), ("FALSE", "NOT_READY"), ("UNKNOWN", "LOCAL_RESOURCES")))
        valid = Condition("CertificateValid", ConditionStatus.TRUE, "", "")
        ready = Condition("ServiceReady", ConditionStatus(status), reason, "seen.")
        end = time.time() + dice.choice((-900.0, 900.0))
        seen = replace(_CERTIFICATE, not_after=dt.datetime.fromtimestamp(end, dt.UTC))
        # Of several vantages, only the first one has a say.
        said = ConditionReport(vim.vim_id, vim.looks[0].action_id, (ready, valid), seen)
        [outcome] = await self._store.conditions.record([said])
        if not isinstance(outcome, ConditionsRecorded):
            raise Untrue(f"{said} was answered {outcome}")
        vim.conditions = {"ServiceReady": (status, reason), "CertificateValid": ("TRUE", "")}
        vim.certificate_end = end
        if not vim.has_views:
            self._note_silences(time.time())
        await self._follow_changes()

    def _follow_tasks(self, stopped: str, engine: Engine) -> None:
        """Note what a new action of a workflow engine leaves to do."""
        if engine is not Engine.MISTRAL:
            return
        vim, now = self._world.vim, time.time()
        never_begun = next((one for one in vim.tasks if one.action_id == stopped and not one.attempts), None)
        if stopped and never_begun is not None and never_begun.kind is TodoKind.START:
            # The engine knows nothing of the old action: it is told of the new one instead.
            never_begun.action_id = vim.looks[0].action_id
            return
        vim.tasks.append(TrueTask(TodoKind.START, vim.looks[0].action_id, now))
        if stopped:
            vim.tasks.append(TrueTask(TodoKind.STOP, stopped, now))

    async def _follow_changes(self) -> None:
        """Read from the log which changes there were. That the log is right is shown by the model of the protocol."""
        vim = self._world.vim
        events, _ = await self._store.events_of(vim.vim_id, 100, "")
        vim.changes = [
            TrueChange(event.revision, event.status, event.previous_status, event.reason)
            for event in reversed(events)
            if event.kind is EventKind.STATUS_CHANGED
        ]

    # --- the judgement

    async def _judge(self) -> Explanation:
        await self._keep_away_from_ends()
        evidence = await self._store.explanations.read_evidence(self._world.vim.vim_id, OPEN_CALLER)
        explanation = self._explain(evidence, _CONTACT_WITHIN_S)
        self._tally.explanations += 1
        self._tally.claims += require_truth(explanation, self._world)
        return explanation

    async def _keep_away_from_ends(self) -> None:
        """Pass on if something ends just now: the clocks of the model and the database differ a little."""
        for _ in range(20):
            now = time.time()
            vim = self._world.vim
            ends = [look.end for look in vim.looks] + [each.end for each in self._world.monitors]
            ends += [task.due for task in vim.tasks if task.claim is not None]
            if not any(abs(end - now) < TOLERANCE_S for end in ends):
                return
            await self._pass(2 * TOLERANCE_S + 1.0)

    async def _play_a_change(self, explanation: Explanation) -> None:
        """Make one of the changes come that were foreseen by their time, and see whether it does."""
        timed = [change for change in explanation.possible_changes if change.time is not None]
        if not timed:
            return
        change, vim = self._dice.choice(timed), self._world.vim
        assert change.time is not None
        left_s = change.time.timestamp() - time.time()
        before = await self._store.get(vim.vim_id)
        if left_s > 2 * TOLERANCE_S and change.kind is ForeseenKind.SILENCE:
            await self._pass(left_s - TOLERANCE_S)
            still = await self._store.get(vim.vim_id)
            if (still.status, still.reason) != (before.status, before.reason):
                raise Untrue(f"{change.sentence} It did not hold so long: {self._world}")
            left_s = TOLERANCE_S
        await self._pass(max(left_s, 0.0) + TOLERANCE_S)
        after = await self._store.get(vim.vim_id)
        if change.kind is ForeseenKind.SILENCE and after.reason != Reason.SILENT:
            raise Untrue(f"{change.sentence} It still reads {after.status}: {self._world}")
        if change.kind is ForeseenKind.REPLACEMENT:
            actions = {before.monitor.action_id, *(view.action_id for view in before.views)}
            await self._store.record_lapses(100)
            await self._store.replace_silent(100)
            after = await self._store.get(vim.vim_id)
            if actions == {after.monitor.action_id, *(view.action_id for view in after.views)}:
                raise Untrue(f"{change.sentence} It was not: {self._world}")
        if change.kind is ForeseenKind.TASK_RETRY:
            claimed = await self._store.claim_todos("another api", 10, _CLAIM_S)
            if not any(todo.kind == change.facts["task"] and todo.vim_id == vim.vim_id for todo in claimed):
                raise Untrue(f"{change.sentence} Nobody could: {self._world}")
        self._tally.played += 1


def changed(explanation: Explanation, **fields: Any) -> Explanation:  # noqa: ANN401 - any field
    return replace(explanation, **fields)
