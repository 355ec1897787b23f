import { Code, VimeshError } from "vimesh-client";
import type { AffectedVim, Cause } from "vimesh-client/v1/fleet_service";
import { VimCause_Kind } from "vimesh-client/v1/vim";
import type { PageProps } from "../pages.js";
import { useSession } from "../parts/app_context.js";
import { useAsked, useChanging, useClock } from "../parts/changing.js";
import { ColumnHeads } from "../parts/column_heads.js";
import { Facts } from "../parts/facts.js";
import { monitorText, useMonitors } from "../parts/monitors.js";
import { ErrorNotice, Scrolling, Section, StatusBadge } from "../parts/notices.js";
import { address } from "../parts/route.js";
import { lengthText, millis, timeText } from "../parts/times.js";
import { causeText, NUMBER, T } from "../texts.js";
import { CAUSES_EVERY_MS, lengthOf } from "./causes_page.js";

/** One cause: what it means, how many VIMs it has cost, and which are still lost. */
export function CausePage({ argument: causeId }: PageProps) {
  const { client, live } = useSession();
  const { answer, error, again } = useAsked(
    (signal) => client.fleet.getCause({ causeId }, { signal }),
    [client, causeId],
    CAUSES_EVERY_MS,
  );
  useClock(1_000);
  const cause = answer?.cause;
  // The subject is the id of the monitor, by which nobody knows it.
  const monitor = useMonitors(cause?.kind === VimCause_Kind.MONITOR)?.find(({ monitorId }) => monitorId === cause?.subject);
  if (error instanceof VimeshError && error.code === Code.NotFound) return <p class="notice">{T.causes.gone}</p>;
  if (!cause) return error ? <ErrorNotice error={error} again={again} /> : <p class="notice">{T.loading}</p>;
  return (
    <>
      <h1>
        {causeText(cause.kind)} {cause.subject}
      </h1>
      <p>{T.causes.meanings[cause.kind]}</p>
      <ErrorNotice error={error} again={again} />
      <Section title={T.vim.details}>
        <Facts
          facts={[
            [T.causes.state, <CauseState cause={cause} />],
            [T.probe.monitor, monitor && T.causes.monitorAt(monitorText(monitor), monitor.vantage)],
            [T.columns.reason, cause.reason],
            [T.columns.project, cause.projectId],
            [T.columns.since, timeText(millis(cause.startTime))],
            [T.causes.end, cause.endTime && timeText(millis(cause.endTime))],
            [T.causes.lasted, lengthOf(cause, live.clock.now())],
            [T.causes.affected, NUMBER.format(cause.affectedCount)],
            [T.causes.found, NUMBER.format(cause.vimCount)],
            [T.causes.population, cause.population ? NUMBER.format(cause.population) : ""],
            [T.columns.id, cause.id],
          ]}
        />
      </Section>
      <Section title={T.causes.members} tools={<LabelledVims cause={cause} />}>
        {answer.vims.length === 0 ? (
          <p class={cause.endTime ? "hint" : "good"}>{cause.endTime ? T.causes.fewAtEnd : T.causes.noMembers}</p>
        ) : (
          <Members vims={answer.vims} />
        )}
        {cause.affectedCount > answer.vims.length && answer.vims.length > 0 && (
          <p class="hint">{T.causes.notNamed(cause.affectedCount - answer.vims.length)}</p>
        )}
      </Section>
    </>
  );
}

function CauseState({ cause }: { cause: Cause }) {
  return cause.endTime ? <span class="good">{T.causes.over}</span> : <span class="bad">{T.causes.lasts}</span>;
}

/** Leads to all VIMs of a label that are lost: a cause names only some of many. Filters cannot ask for other subjects. */
function LabelledVims({ cause }: { cause: Cause }) {
  if (cause.kind !== VimCause_Kind.LABEL || cause.endTime) return null;
  const cut = cause.subject.indexOf("=");
  const labels = `labels.${cause.subject.slice(0, cut)} = "${cause.subject.slice(cut + 1)}" AND (status = UNREACHABLE OR status = UNKNOWN)`;
  const filter = cause.projectId ? `${labels} AND project_id = "${cause.projectId}"` : labels;
  return <a href={address("/vims", { filter })}>{T.causes.inList}</a>;
}

/** The VIMs that are still lost, with the statuses that the watch knows. */
function Members({ vims }: { vims: readonly AffectedVim[] }) {
  const { live } = useSession();
  useChanging(live);
  const { cells } = live;
  return (
    <Scrolling label={T.causes.members}>
      <table>
        <thead>
          <tr>
            <ColumnHeads titles={[T.columns.name, T.columns.status, T.columns.reason, T.columns.since]} />
          </tr>
        </thead>
        <tbody>
          {vims.map(({ vimId, name }) => {
            const place = cells.placeOf(vimId);
            const since = place === undefined ? 0 : (cells.since[place] ?? 0);
            return (
              <tr key={vimId} data-vim={vimId}>
                <th scope="row">
                  <a href={address(`/vims/${vimId}`)}>{name}</a>
                </th>
                <td>{place !== undefined && <StatusBadge status={cells.status[place] ?? 0} isStale={live.isStale(place)} />}</td>
                <td>{place !== undefined && cells.reasons[place]}</td>
                <td>{since > 0 && <time title={timeText(since)}>{lengthText((live.clock.now() - since) / 1000)}</time>}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scrolling>
  );
}
