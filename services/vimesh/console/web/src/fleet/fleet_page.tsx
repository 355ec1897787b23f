import type { FleetProcess, GetFleetStatusResponse } from "vimesh-client/v1/fleet_service";
import { useSession } from "../parts/app_context.js";
import { useAsked } from "../parts/changing.js";
import { ColumnHeads } from "../parts/column_heads.js";
import { ErrorNotice, Scrolling, Section } from "../parts/notices.js";
import { lengthText, millis, roundTripText, seconds, timeText } from "../parts/times.js";
import { NUMBER, processText, T, taskText } from "../texts.js";

/** The fleet counts all VIMs for each answer. */
const EVERY_MS = 5_000;

/** The processes of the fleet, its database, what waits, and what is wrong. */
export function FleetPage() {
  const { client, who } = useSession();
  const { answer, error, again } = useAsked((signal) => client.fleet.getFleetStatus({}, { signal }), [client], EVERY_MS);
  if (!answer) return error ? <ErrorNotice error={error} again={again} /> : <p class="notice">{T.loading}</p>;
  const now = millis(answer.time) ?? Date.now();
  return (
    <>
      <h1 class="hidden">{T.pages.fleet}</h1>
      <ErrorNotice error={error} again={again} />
      <Troubles status={answer} />
      {!answer.wholeFleet && <p class="notice">{T.fleet.notWhole}</p>}
      {answer.wholeFleet && (
        <>
          <Section title={T.fleet.processes}>
            <Processes processes={answer.processes} now={now} />
          </Section>
          <div class="columns">
            <Section title={T.fleet.database}>
              <p>
                {answer.database?.product} {answer.database?.version}{" "}
                {T.fleet.latency(roundTripText(answer.database?.latency))}
              </p>
            </Section>
            <Section title={T.fleet.tasks}>
              <Tasks status={answer} />
            </Section>
          </div>
        </>
      )}
      <Section title={T.fleet.you}>
        <dl>
          <div>
            <dt>{T.fleet.identity}</dt>
            <dd>{who?.identity || T.signIn.nobody}</dd>
          </div>
          <div>
            <dt>{T.fleet.roles}</dt>
            <dd>{who?.roles.join(", ")}</dd>
          </div>
          <div>
            <dt>{T.fleet.projects}</dt>
            <dd>{who?.allProjects ? T.fleet.allProjects : who?.projects.join(", ")}</dd>
          </div>
        </dl>
      </Section>
      <p class="hint">{T.fleet.asOf(timeText(now))}</p>
    </>
  );
}

function Troubles({ status }: { status: GetFleetStatusResponse }) {
  const unwatched = status.vims?.unwatched ?? 0;
  return (
    <Section title={T.fleet.troubles}>
      {status.troubles.length === 0 ? (
        <p class="good">{T.fleet.healthy}</p>
      ) : (
        <ul>
          {status.troubles.map(({ reason, message }) => (
            <li key={reason + message} class="bad">
              <b>{reason}</b> {message}
            </li>
          ))}
        </ul>
      )}
      <p class="hint">
        {T.overview.total(status.vims?.total ?? 0)}, {T.fleet.unwatched(unwatched)}
      </p>
    </Section>
  );
}

function Processes({ processes, now }: { processes: readonly FleetProcess[]; now: number }) {
  const heads = [T.fleet.kind, T.vim.state, T.fleet.host, T.fleet.version, T.fleet.started, T.fleet.seen, T.fleet.lag, T.fleet.facts];
  return (
    <Scrolling label={T.fleet.processes}>
      <table>
        <thead>
          <tr>
            <ColumnHeads titles={heads} />
          </tr>
        </thead>
        <tbody>
          {processes.map((process) => (
            <tr key={process.processId} title={process.identity}>
              <th scope="row">{processText(process.kind)}</th>
              <td class={process.missing ? "bad" : "good"}>{process.missing ? T.fleet.missing : T.fleet.alive}</td>
              <td>
                {process.host} {process.pid || ""}
              </td>
              <td>{process.version}</td>
              <td>{lengthText((now - (millis(process.startTime) ?? now)) / 1000)}</td>
              <td>{lengthText((now - (millis(process.seenTime) ?? now)) / 1000)}</td>
              <td>{roundTripText(process.loopLag)}</td>
              <td>{Object.entries(process.facts).map(([name, value]) => `${name} ${value}`).sort().join(", ")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolling>
  );
}

function Tasks({ status }: { status: GetFleetStatusResponse }) {
  if (status.tasks.length === 0) return <p class="good">{T.fleet.noTasks}</p>;
  return (
    <table class="numbers">
      <thead>
        <tr>
          <th scope="col">{T.fleet.tasks}</th>
          <th scope="col">{T.fleet.count}</th>
          <th scope="col">{T.fleet.oldest}</th>
        </tr>
      </thead>
      <tbody>
        {status.tasks.map(({ kind, count, oldestAge }) => (
          <tr key={kind}>
            <th scope="row">{taskText(kind)}</th>
            <td>{NUMBER.format(count)}</td>
            <td>{lengthText(seconds(oldestAge) ?? 0)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
