import { type Vim_Status, VimEvent_Kind } from "vimesh-client";
import { OpenCauses } from "../causes/open_causes.js";
import { STATUSES } from "../live/cells.js";
import type { LiveFleet } from "../live/live_fleet.js";
import { useSession } from "../parts/app_context.js";
import { useChanging, useClock } from "../parts/changing.js";
import { Scrolling, Section, StatusBadge } from "../parts/notices.js";
import { address } from "../parts/route.js";
import { millis, shortTimeText, timeText } from "../parts/times.js";
import { kindText, NUMBER, statusText, T } from "../texts.js";
import { FleetMap } from "./fleet_map.js";
import { Groups } from "./groups.js";

const SHOWN_CHANGES = 20;

/** The whole fleet at one look: how many have which status, a cell for each, and what has changed last. */
export function OverviewPage() {
  const session = useSession();
  const live = useChanging(session.live);
  useClock(1_000);
  const counts = live.cells.counts();
  const isEmpty = live.isComplete && live.cells.size === 0;
  return (
    <>
      <h1 class="hidden">{T.pages.overview}</h1>
      <Counts live={live} counts={counts} />
      {session.may("FleetService/ListCauses") && <OpenCauses />}
      {isEmpty ? (
        <p class="notice">
          {T.overview.none}{" "}
          {session.may("VimService/RegisterVim") && <a href={address("/register")}>{T.overview.first}</a>}
        </p>
      ) : (
        <Section title={T.overview.map}>
          <FleetMap live={live} counts={countsText(counts)} />
        </Section>
      )}
      <div class="columns">
        {session.may("VimService/SummarizeVims") && <Groups live={live} />}
        <Section title={T.overview.newest}>
          <NewestChanges live={live} />
        </Section>
      </div>
    </>
  );
}

function countsText(counts: Uint32Array): string {
  return STATUSES.map((status) => `${NUMBER.format(counts[status] ?? 0)} ${statusText(status)}`).join(", ");
}

function Counts({ live, counts }: { live: LiveFleet; counts: Uint32Array }) {
  let stale = 0;
  if (!live.isLive && live.heardAt) {
    for (let place = 0; place < live.cells.length; place++) if (!live.cells.isGone(place) && live.isStale(place)) stale++;
  }
  return (
    <section class="counts" aria-label={T.overview.summary}>
      <a class="count" href={address("/vims")}>
        <b>{NUMBER.format(live.cells.size)}</b> {T.pages.vims}
      </a>
      {STATUSES.map((status) => (
        <a key={status} class={`count ${statusText(status)}`} href={statusAddress(status)}>
          <b>{NUMBER.format(counts[status] ?? 0)}</b> {statusText(status)}
        </a>
      ))}
      {stale > 0 && (
        <p class="count stale" role="status">
          {T.overview.stale(stale)}
        </p>
      )}
    </section>
  );
}

function statusAddress(status: Vim_Status): string {
  return address("/vims", { filter: `status = ${statusText(status).toUpperCase()}` });
}

function NewestChanges({ live }: { live: LiveFleet }) {
  const newest = live.newest.slice(0, SHOWN_CHANGES);
  if (newest.length === 0) return <p class="hint">{T.overview.noChanges}</p>;
  return (
    <Scrolling label={T.overview.newest}>
      <table>
        <thead>
          <tr>
            <th scope="col">{T.vim.time}</th>
            <th scope="col">{T.pages.vim}</th>
            <th scope="col">{T.vim.change}</th>
            <th scope="col">{T.columns.status}</th>
            <th scope="col">{T.columns.reason}</th>
          </tr>
        </thead>
        <tbody>
          {newest.map((event) => (
            <tr key={String(event.revision)} data-revision={String(event.revision)}>
              <td>
                <time title={timeText(millis(event.time))}>{shortTimeText(millis(event.time))}</time>
              </td>
              <td>
                {event.kind === VimEvent_Kind.DEREGISTERED || live.cells.placeOf(event.vimId) === undefined ? (
                  (live.nameOf(event.vimId) ?? event.vim?.name ?? event.vimId)
                ) : (
                  <a href={address(`/vims/${event.vimId}`)}>{live.nameOf(event.vimId)}</a>
                )}
              </td>
              <td>{event.kind === VimEvent_Kind.STATUS_CHANGED ? statusText(event.previousStatus) : kindText(event.kind)}</td>
              <td>
                <span aria-hidden="true">→ </span>
                <StatusBadge status={event.status} />
              </td>
              <td>{event.reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolling>
  );
}
