import { toJson } from "@bufbuild/protobuf";
import { useEffect, useState } from "preact/hooks";
import { Code, type VimEvent, VimeshError } from "vimesh-client";
import { type Vim, VimSchema } from "vimesh-client/v1/vim";
import { CauseLink } from "../causes/cause_link.js";
import type { PageProps } from "../pages.js";
import { useSession } from "../parts/app_context.js";
import { useAsked, useChanging, useClock } from "../parts/changing.js";
import { ColumnHeads } from "../parts/column_heads.js";
import { Confirm } from "../parts/dialog.js";
import { download } from "../parts/download.js";
import { Facts } from "../parts/facts.js";
import { ErrorNotice, Scrolling, Section, StatusBadge } from "../parts/notices.js";
import { go, replace } from "../parts/route.js";
import { durationText, lengthText, millis, roundTripText, timeText, timestamp } from "../parts/times.js";
import { depthText, engineText, kindText, methodText, stateText, statusText, T } from "../texts.js";
import { Conditions } from "./conditions.js";
import { Explained } from "./explained.js";
import { ProbeResults, useProbe } from "./probe_now.js";
import { RoundTrips } from "./round_trips.js";
import { TimelineBand } from "./timeline.js";
import { changesSince, timelineOf } from "./timeline_model.js";
import { VimForm } from "./vim_form.js";
import { Views } from "./views.js";

const SPANS = { hour: 3_600_000, day: 86_400_000, month: 30 * 86_400_000 } as const;
type Span = keyof typeof SPANS;
/** `valid_until`, the contact and the round trip change without a change in the log. */
const LOOK_EVERY_MS = 10_000;
/** Changes are looked at as they come; round trips of a long time need not be looked at more often. */
const PAST_EVERY_MS = 300_000;
const SHOWN_CHANGES = 50;

/** All there is to know of one VIM. */
export function VimPage({ route, argument: vimId }: PageProps) {
  const session = useSession();
  const { client, live } = session;
  const [span, setSpan] = useState<Span>(() => {
    const wanted = route.query.get("span");
    return wanted === "day" || wanted === "month" ? wanted : "hour";
  });
  const [dialog, setDialog] = useState<"edit" | "deregister">();
  const [changes, setChanges] = useState(0);
  // The watch says when to look again.
  useEffect(() => live.onChange((event) => event.vimId === vimId && setChanges((count) => count + 1)), [live, vimId]);
  const found = useAsked(
    async (signal) => (await client.vims.getVim({ vimId }, { signal })).vim,
    [client, vimId, changes],
    LOOK_EVERY_MS,
  );
  const probe = useProbe(client, vimId);
  const vim = found.answer;
  const isGone = found.error instanceof VimeshError && found.error.code === Code.NotFound;
  if (isGone) return <p class="notice">{T.vim.gone}</p>;
  if (!vim) return found.error ? <ErrorNotice error={found.error} again={found.again} /> : <p class="notice">{T.loading}</p>;

  const choose = (next: Span) => {
    setSpan(next);
    replace(route.path, { span: next === "hour" ? "" : next });
  };
  return (
    <>
      <VimHead vim={vim} lookedAgo={found.waits ? undefined : found.error} />
      <p class="tools">
        {session.may("VimService/ProbeVim") && (
          <button type="button" ref={probe.button} aria-disabled={probe.waits} onClick={() => void probe.run()}>
            {T.probe.now}
          </button>
        )}{" "}
        {session.may("VimService/ModifyVim") && (
          <button type="button" onClick={() => setDialog("edit")}>
            {T.vim.edit}
          </button>
        )}{" "}
        <button type="button" onClick={() => exportVim(vim)}>
          {T.vim.export}
        </button>{" "}
        {session.may("VimService/DeregisterVim") && (
          <button type="button" class="danger" onClick={() => setDialog("deregister")}>
            {T.vim.deregister}
          </button>
        )}
      </p>
      {dialog === "edit" && (
        <VimForm
          vim={vim}
          onClose={() => {
            setDialog(undefined);
            found.again();
          }}
        />
      )}
      <ProbeResults probe={probe} />
      {session.may("VimService/ExplainVim") && <Explained vimId={vimId} changes={changes} />}
      <Conditions vim={vim} />
      <Views vim={vim} />
      <Past vim={vim} span={span} changes={changes} onSpan={choose} />
      <Details vim={vim} />
      {dialog === "deregister" && (
        <Confirm
          title={T.vim.deregisterTitle(vim.name)}
          why={T.vim.deregisterWhy}
          deed={T.bulk.deregister}
          act={async () => {
            await client.deregister(vimId);
            go("/vims");
          }}
          onClose={() => setDialog(undefined)}
        />
      )}
    </>
  );
}

function VimHead({ vim, lookedAgo }: { vim: Vim; lookedAgo: unknown }) {
  const { live } = useSession();
  useChanging(live);
  useClock(1_000);
  const now = live.clock.now();
  const since = millis(vim.statusTime);
  const until = millis(vim.validUntil);
  const age = (ms: number) => lengthText(Math.abs(ms) / 1000);
  const isStale = !live.isLive && until !== undefined && until < now;
  return (
    <section class="vim-head" aria-label={vim.name}>
      <h1>
        {vim.name} <StatusBadge status={vim.status} isStale={isStale} />
      </h1>
      <p>
        {vim.reason && (
          <>
            <b>{vim.reason}</b> {vim.detail}{" "}
          </>
        )}
        {since !== undefined && T.vim.since(age(now - since), timeText(since))}
      </p>
      <p class={until !== undefined && until < now ? "bad" : "hint"}>
        {until === undefined ? T.vim.validNone : until > now ? T.vim.validFor(age(until - now)) : T.vim.validEnded(age(now - until))}
      </p>
      {vim.cause && (
        <p class="notice">
          {T.vim.cause} <CauseLink {...vim.cause} />
        </p>
      )}
      {vim.flapping && <p class="notice">{T.vim.flapping}</p>}
      {vim.maintenance && (
        <p class="notice">{T.vim.inMaintenance(vim.maintenance.reason, timeText(millis(vim.maintenance.endTime)))}</p>
      )}
      <ErrorNotice error={lookedAgo} />
    </section>
  );
}

/** Statuses, round trips and changes of one span of time. */
function Past({ vim, span, changes, onSpan }: { vim: Vim; span: Span; changes: number; onSpan: (span: Span) => void }) {
  const { client, live, may } = usePastSession();
  const { answer, error, again } = useAsked(
    async (signal) => {
      const now = live.clock.now();
      const since = now - SPANS[span];
      const wanted = { vimId: vim.id, startTime: timestamp(since), endTime: timestamp(now) };
      const [events, history] = await Promise.all([
        changesSince(client, vim.id, since, signal),
        may("HistoryService/ListSamples") ? client.history.listSamples(wanted, { signal }) : undefined,
      ]);
      return { now, since, events, samples: history?.samples ?? [], timeline: timelineOf(vim, events, since, now) };
    },
    [client, vim.id, span, changes],
    Math.min(SPANS[span] / 60, PAST_EVERY_MS),
  );
  const choice = (
    <span class="tools" role="group" aria-label={T.vim.span}>
      {(["hour", "day", "month"] as const).map((one) => (
        <button key={one} type="button" aria-pressed={one === span} onClick={() => onSpan(one)}>
          {T.vim[one]}
        </button>
      ))}
    </span>
  );
  return (
    <>
      <ErrorNotice error={error} again={again} />
      <Section title={T.vim.timeline} tools={choice}>
        {answer ? <TimelineBand timeline={answer.timeline} since={answer.since} now={answer.now} /> : <p>{T.loading}</p>}
      </Section>
      <Section title={T.vim.roundTrips}>
        {answer?.samples.length ? (
          <RoundTrips samples={answer.samples} since={answer.since} now={answer.now} />
        ) : (
          <p class="hint">{answer ? T.vim.noSamples : T.loading}</p>
        )}
      </Section>
      <Section title={T.vim.events}>
        {answer && (answer.events.length ? <Changes events={answer.events.slice(0, SHOWN_CHANGES)} /> : <p>{T.vim.noEvents}</p>)}
      </Section>
    </>
  );
}

function usePastSession() {
  const session = useSession();
  return { client: session.client, live: session.live, may: (rpc: string) => session.may(rpc) };
}

function Changes({ events }: { events: readonly VimEvent[] }) {
  return (
    <Scrolling label={T.vim.events}>
      <table>
        <thead>
          <tr>
            <ColumnHeads titles={[T.vim.time, T.vim.change, T.vim.previous, T.columns.status, T.columns.reason, T.vim.explanation, T.vim.by]} />
          </tr>
        </thead>
        <tbody>
          {events.map((event) => (
            <tr key={String(event.revision)}>
              <td class="time">{timeText(millis(event.time))}</td>
              <td>
                {kindText(event.kind)}
                {event.changedFields?.paths.length ? `: ${event.changedFields.paths.join(", ")}` : ""}
                {event.view && `: ${T.views.says(event.view.vantage, event.view.status)}`}
                {event.conditions.length > 0 && `: ${T.conditions.changed(event.conditions)}`}
              </td>
              <td>{event.previousStatus ? statusText(event.previousStatus) : ""}</td>
              <td>
                <StatusBadge status={event.status} />
              </td>
              <td>{event.reason}</td>
              <td>{event.detail}</td>
              <td>{event.actor}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolling>
  );
}

function Details({ vim }: { vim: Vim }) {
  const { monitor, probePolicy: policy, labels } = vim;
  const free = [
    [T.form.vimProject, vim.vimProject],
    [T.form.authCred, vim.authCred],
    [T.form.placementAttr, vim.placementAttr],
    [T.form.extra, vim.extra],
  ] as const;
  return (
    <div class="columns">
      <Section title={T.vim.details}>
        <Facts
          facts={[
            [T.columns.id, vim.id],
            [T.columns.type, vim.type],
            [T.columns.authUrl, vim.authUrl],
            [T.columns.project, vim.projectId],
            [T.form.description, vim.description],
            [T.columns.labels, Object.entries(labels).map(([key, value]) => `${key}=${value}`).sort().join("\n")],
            [T.form.isDefault, vim.isDefault ? "✓" : ""],
            [T.columns.registered, timeText(millis(vim.createTime))],
          ]}
        />
      </Section>
      <Section title={T.vim.policy}>
        <Facts
          facts={[
            [T.form.method, methodText(policy?.method ?? 0)],
            [T.form.interval, durationText(policy?.interval)],
            [T.form.timeout, durationText(policy?.timeout)],
            [T.form.fall, String(policy?.fall ?? "")],
            [T.form.rise, String(policy?.rise ?? "")],
            [T.form.failFor, durationText(policy?.failFor)],
            [T.form.vantages, policy?.vantages.join(", ")],
            [T.form.quorum, policy?.quorum ? String(policy.quorum) : ""],
            [T.conditions.depth, policy?.depth ? depthText(policy.depth) : ""],
            [T.conditions.logins, durationText(policy?.loginInterval)],
            [T.form.tlsVerify, policy?.tlsVerify ? "✓" : "–"],
          ]}
        />
      </Section>
      <Section title={T.vim.reports}>
        <Facts
          facts={[
            [T.columns.engine, engineText(monitor?.engine ?? 0)],
            [T.vim.state, stateText(monitor?.state ?? 0)],
            [T.vim.action, monitor?.actionId ?? ""],
            [T.vim.workflow, monitor?.workflowName ?? ""],
            [T.vim.contact, timeText(millis(monitor?.contactTime))],
            [T.vim.lastError, monitor?.lastError ?? ""],
            [T.vim.newestRound, roundTripText(vim.roundTrip)],
          ]}
        />
      </Section>
      <Section title={T.vim.free}>
        <Facts facts={free.map(([title, value]) => [title, value && Object.keys(value).length ? JSON.stringify(value, undefined, 1) : ""] as const)} />
      </Section>
    </div>
  );
}

/** Give the VIM to the reader as the JSON of the contract. */
function exportVim(vim: Vim): void {
  const text = JSON.stringify(toJson(VimSchema, vim, { useProtoFieldName: true }), undefined, 2);
  download(`${vim.name.replaceAll(/[^\w.-]+/g, "_")}.json`, new Blob([text], { type: "application/json" }));
}
