import { Vim_Status, type VimEvent, VimEvent_Kind, type VimeshClient } from "vimesh-client";
import type { Vim } from "vimesh-client/v1/vim";
import { millis } from "../parts/times.js";

/** A part of the time in which nothing changed. */
export interface Segment {
  readonly from: number;
  readonly to: number;
  /** undefined: the VIM was not registered, or the changes of that time are no longer kept. */
  readonly status: Vim_Status | undefined;
  readonly reason: string;
}

export interface Timeline {
  readonly segments: readonly Segment[];
  readonly maintenance: readonly { readonly from: number; readonly to: number }[];
}

const PAGE_SIZE = 1000;
/** Beyond so many changes, a line of a thousand pixels shows nothing more; what is older is left out. */
const MOST_PAGES = 10;

/** Fetch the changes of a VIM since a time, the newest first, and the one before them. */
export async function changesSince(
  client: VimeshClient,
  vimId: string,
  since: number,
  signal: AbortSignal,
): Promise<readonly VimEvent[]> {
  const changes: VimEvent[] = [];
  let pageToken = "";
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await client.vims.listVimEvents({ vimId, pageSize: PAGE_SIZE, pageToken }, { signal });
    for (const event of answer.events) {
      changes.push(event);
      if ((millis(event.time) ?? 0) < since) return changes;
    }
    pageToken = answer.nextPageToken;
    if (!pageToken) break;
  }
  return changes;
}

/**
 * Make the timeline of a VIM from its changes, the newest first. What was before the oldest of them is not known: the fleet
 * keeps changes for a time, and those before may be gone.
 */
export function timelineOf(vim: Vim, changes: readonly VimEvent[], since: number, now: number): Timeline {
  const segments: Segment[] = [];
  const add = (from: number, to: number, status: Vim_Status | undefined, reason: string) => {
    const start = Math.max(since, from);
    if (to > start) segments.push({ from: start, to, status, reason });
  };
  let to = now;
  let { status, reason }: { status: Vim_Status | undefined; reason: string } = vim;
  for (const event of changes) {
    const time = millis(event.time) ?? 0;
    if (event.status === event.previousStatus && event.kind !== VimEvent_Kind.REASON_CHANGED) continue;
    add(time, to, event.status, event.reason);
    to = Math.min(to, time);
    status = event.kind === VimEvent_Kind.REGISTERED ? undefined : event.previousStatus || undefined;
    reason = "";
    if (time < since) break;
  }
  // All that has followed the oldest change is kept, whatever its kind. The status of now is as old as it says.
  const statusTime = to === now ? millis(vim.statusTime) : undefined;
  const known = Math.max(since, Math.min(to, millis(changes.at(-1)?.time) ?? now, statusTime ?? now));
  add(known, to, status, reason);
  add(since, known, undefined, "");
  segments.reverse();
  return { segments, maintenance: maintenanceOf(vim, changes, since, now) };
}

function maintenanceOf(vim: Vim, changes: readonly VimEvent[], since: number, now: number) {
  const spans: { from: number; to: number }[] = [];
  let end: number | undefined = vim.maintenance ? now : undefined;
  for (const event of changes) {
    const time = millis(event.time) ?? 0;
    if (event.kind === VimEvent_Kind.MAINTENANCE_ENDED && !event.maintenance) end = time;
    else if (event.kind === VimEvent_Kind.MAINTENANCE_STARTED && end !== undefined) {
      spans.push({ from: Math.max(since, time), to: end });
      end = undefined;
    }
  }
  if (end !== undefined && end > since) spans.push({ from: since, to: end });
  return spans.filter(({ from, to }) => to > from);
}

/** Add up how long each status lasted, for those who do not see the picture. */
export function lengthsOf(timeline: Timeline): ReadonlyMap<Vim_Status | undefined, number> {
  const lengths = new Map<Vim_Status | undefined, number>();
  for (const { from, to, status } of timeline.segments) lengths.set(status, (lengths.get(status) ?? 0) + (to - from));
  return lengths;
}
