import type { Vim, VimEvent } from "vimesh-client";
import { Vim_Status, VimEvent_Kind as KIND } from "vimesh-client";
import { millis } from "../parts/times.js";

const FIRST_CAPACITY = 1024;
/** How many cells may be empty before all are moved together. */
const FEW_GONE = 64;

/**
 * What is known of each VIM, in columns: 100,000 objects would be several times as large, and as slow to look through. A VIM
 * keeps its place until all are arranged anew; the place of one that was deregistered stays empty.
 */
export class Cells {
  readonly ids: string[] = [];
  readonly names: string[] = [];
  readonly types: string[] = [];
  readonly reasons: string[] = [];
  status = new Uint8Array(FIRST_CAPACITY);
  inMaintenance = new Uint8Array(FIRST_CAPACITY);
  /** When a status was taken on, and until when it may be believed without further news; 0 if that is not known. */
  since = new Float64Array(FIRST_CAPACITY);
  until = new Float64Array(FIRST_CAPACITY);
  private revision = new Float64Array(FIRST_CAPACITY);
  private readonly places = new Map<string, number>();
  /** Texts that many VIMs share are kept once. */
  private readonly texts = new Map<string, string>();
  gone = 0;

  /** Number of places, the empty ones among them. */
  get length(): number {
    return this.ids.length;
  }

  /** Number of VIMs. */
  get size(): number {
    return this.places.size;
  }

  placeOf(vimId: string): number | undefined {
    return this.places.get(vimId);
  }

  /** The revision that what is known of a VIM is of. */
  revisionOf(place: number): number {
    return this.revision[place] ?? 0;
  }

  isGone(place: number): boolean {
    return this.ids[place] === "";
  }

  /** Number of VIMs with each status, by its number. */
  counts(): Uint32Array {
    const counts = new Uint32Array(5);
    for (let place = 0; place < this.ids.length; place++) {
      if (this.ids[place] !== "") counts[this.status[place] ?? 0]! += 1;
    }
    return counts;
  }

  /** Take a VIM as it is. Returns its place. */
  put(vim: Vim): number {
    let place = this.places.get(vim.id);
    if (place === undefined) {
      place = this.ids.length;
      this.reserve(place + 1);
      this.ids.push(vim.id);
      this.names.push("");
      this.types.push("");
      this.reasons.push("");
      this.places.set(vim.id, place);
    }
    this.names[place] = vim.name;
    this.types[place] = this.shared(vim.type);
    this.reasons[place] = this.shared(vim.reason);
    this.status[place] = vim.status;
    this.inMaintenance[place] = vim.maintenance ? 1 : 0;
    this.since[place] = millis(vim.statusTime) ?? 0;
    this.until[place] = millis(vim.validUntil) ?? 0;
    this.revision[place] = Number(vim.revision);
    return place;
  }

  /** Take a change. Returns the place of its VIM; undefined if it changes nothing that is kept here. */
  apply(event: VimEvent): number | undefined {
    const place = this.places.get(event.vimId);
    const revision = Number(event.revision);
    if (event.filteredOut || event.kind === KIND.DEREGISTERED) {
      if (place === undefined) return undefined;
      this.places.delete(event.vimId);
      this.ids[place] = "";
      this.gone += 1;
      return place;
    }
    if (place === undefined) return event.vim ? this.put({ ...event.vim, id: event.vimId, revision: event.revision }) : undefined;
    // A VIM of the snapshot may be newer than changes that follow it.
    if (revision <= this.revision[place]!) return undefined;
    this.revision[place] = revision;
    if (event.kind === KIND.MAINTENANCE_STARTED || event.kind === KIND.MAINTENANCE_ENDED) {
      this.inMaintenance[place] = event.maintenance ? 1 : 0;
      return place;
    }
    if (event.vim) {
      if (event.vim.name) this.names[place] = event.vim.name;
      if (event.vim.type) this.types[place] = this.shared(event.vim.type);
    }
    if (this.status[place] !== event.status) {
      this.since[place] = millis(event.time) ?? 0;
      this.until[place] = 0;
    }
    this.status[place] = event.status;
    this.reasons[place] = this.shared(event.reason);
    return place;
  }

  /** Whether so many places are empty that it is worth moving the others. */
  get isSparse(): boolean {
    return this.gone > Math.max(FEW_GONE, this.size / 8);
  }

  /** Return the same VIMs in the order of their names, which brings together what belongs together, without empty places. */
  arranged(): Cells {
    const { names } = this;
    const order = [...this.places.values()].sort((a, b) => (names[a]! < names[b]! ? -1 : names[a]! > names[b]! ? 1 : 0));
    const cells = new Cells();
    cells.reserve(order.length);
    for (const place of order) {
      const id = this.ids[place]!;
      const next = cells.ids.length;
      cells.ids.push(id);
      cells.names.push(this.names[place]!);
      cells.types.push(this.types[place]!);
      cells.reasons.push(this.reasons[place]!);
      cells.status[next] = this.status[place]!;
      cells.inMaintenance[next] = this.inMaintenance[place]!;
      cells.since[next] = this.since[place]!;
      cells.until[next] = this.until[place]!;
      cells.revision[next] = this.revision[place]!;
      cells.places.set(id, next);
    }
    return cells;
  }

  private shared(text: string): string {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    this.texts.set(text, text);
    return text;
  }

  private reserve(length: number): void {
    if (length <= this.status.length) return;
    const capacity = Math.max(length, this.status.length * 2);
    this.status = grown(this.status, new Uint8Array(capacity));
    this.inMaintenance = grown(this.inMaintenance, new Uint8Array(capacity));
    this.since = grown(this.since, new Float64Array(capacity));
    this.until = grown(this.until, new Float64Array(capacity));
    this.revision = grown(this.revision, new Float64Array(capacity));
  }
}

function grown<T extends Uint8Array | Float64Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}

/** The order in which statuses are shown: what needs somebody first. */
export const STATUSES = [Vim_Status.UNREACHABLE, Vim_Status.UNKNOWN, Vim_Status.PENDING, Vim_Status.REACHABLE] as const;
