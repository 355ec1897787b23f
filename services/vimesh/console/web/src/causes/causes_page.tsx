import { useState } from "preact/hooks";
import type { Cause } from "vimesh-client/v1/fleet_service";
import { useSession } from "../parts/app_context.js";
import { useAsked, useClock } from "../parts/changing.js";
import { ColumnHeads } from "../parts/column_heads.js";
import { firstPages } from "../parts/first_pages.js";
import { ErrorNotice, Scrolling, Section } from "../parts/notices.js";
import { lengthText, millis, timeText } from "../parts/times.js";
import { NUMBER, T } from "../texts.js";
import { CauseLink } from "./cause_link.js";

/** Causes are no part of the log, so nothing says when there is another one. */
export const CAUSES_EVERY_MS = 5_000;

/** What VIMs have in common that were lost together: what lasts, and what is over if the reader wants to see it. */
export function CausesPage() {
  const { client } = useSession();
  const [ended, setEnded] = useState(false);
  const { answer, error, again } = useAsked(
    (signal) =>
      firstPages(async (pageToken) => {
        const { causes, nextPageToken } = await client.fleet.listCauses({ ended, pageToken }, { signal });
        return { rows: causes, nextPageToken };
      }),
    [client, ended],
    CAUSES_EVERY_MS,
  );
  const tools = (
    <label class="check">
      <input type="checkbox" checked={ended} onChange={(event) => setEnded(event.currentTarget.checked)} />
      {T.causes.ended}
    </label>
  );
  return (
    <>
      <h1 class="hidden">{T.pages.causes}</h1>
      <Section title={T.pages.causes} tools={tools}>
        <p class="hint">{T.causes.what}</p>
        <ErrorNotice error={error} again={again} />
        {!answer && !error && <p class="hint">{T.loading}</p>}
        {answer?.rows.length === 0 && <p class="good">{ended ? T.causes.noneKept : T.causes.none}</p>}
        {answer && answer.rows.length > 0 && <Causes causes={answer.rows} />}
        {answer?.hasMore && <p class="hint">{T.moreNotShown}</p>}
      </Section>
    </>
  );
}

function Causes({ causes }: { causes: readonly Cause[] }) {
  const { live } = useSession();
  useClock(1_000);
  const heads = [
    ...[T.causes.cause, T.columns.reason, T.causes.affected, T.causes.found, T.causes.population],
    ...[T.columns.since, T.causes.end, T.causes.lasted],
  ];
  return (
    <Scrolling label={T.pages.causes}>
      <table>
        <thead>
          <tr>
            <ColumnHeads titles={heads} />
          </tr>
        </thead>
        <tbody>
          {causes.map((cause) => (
            <tr key={cause.id} data-cause={cause.id}>
              <th scope="row">
                <CauseLink causeId={cause.id} kind={cause.kind} subject={cause.subject} />{" "}
                {cause.projectId && <span class="hint">{cause.projectId}</span>}
              </th>
              <td>{cause.reason}</td>
              <td class={cause.affectedCount ? "bad" : "good"}>{NUMBER.format(cause.affectedCount)}</td>
              <td>{NUMBER.format(cause.vimCount)}</td>
              <td>{cause.population ? NUMBER.format(cause.population) : ""}</td>
              <td>{timeText(millis(cause.startTime))}</td>
              <td>{cause.endTime ? timeText(millis(cause.endTime)) : T.causes.lasts}</td>
              <td>{lengthOf(cause, live.clock.now())}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolling>
  );
}

/** How long a cause has lasted, or lasts until now. */
export function lengthOf({ startTime, endTime }: Cause, now: number): string {
  return lengthText(((millis(endTime) ?? now) - (millis(startTime) ?? now)) / 1000);
}
