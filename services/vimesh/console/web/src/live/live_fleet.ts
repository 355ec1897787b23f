import { type VimEvent, type VimeshClient, type VimeshError, VimEvent_Kind, type WatchPosition } from "vimesh-client";
import { Changing } from "../parts/changing.js";
import { millis } from "../parts/times.js";
import { Cells } from "./cells.js";
import { FleetClock } from "./clock.js";

const FIELDS = ["id", "name", "type", "status", "reason", "status_time", "valid_until", "maintenance", "revision"];
const NEWEST = 100;
/** Something arrives every 5 s: two of them may be missing before what is shown may be of the past. */
const LIVE_FOR_MS = 12_000;

/**
 * All VIMs that the reader may see, as one watch tells them: a snapshot, then changes, each once. It goes on by itself across
 * disconnects, and after a gap in the log, what is shown stays until a new snapshot is complete.
 */
export class LiveFleet extends Changing {
  cells = new Cells();
  /** Places that have changed since they were last painted; undefined: all. */
  touched: Set<number> | undefined;
  /** The newest changes, the newest first. */
  readonly newest: VimEvent[] = [];
  readonly clock = new FleetClock();
  /** Names of VIMs that are gone, as long as a change of theirs is among the newest. */
  readonly departed = new Map<string, string>();
  /** When the fleet was last heard of, by the clock of this machine; 0: not yet. */
  heardAt = 0;
  /** Why there is no contact, while there is none. */
  interruption: VimeshError | undefined;
  position: WatchPosition | undefined;
  isComplete = false;
  /** How many changes were applied, for whoever wants to look again after some. */
  changes = 0;
  private building: Cells | undefined;
  private readonly onEach = new Set<(event: VimEvent) => void>();

  constructor(private readonly client: VimeshClient) {
    super();
  }

  /** Follow the fleet until the signal, whose reason it throws, or until it must not go on. */
  async follow(signal: AbortSignal): Promise<void> {
    const from = this.isComplete && this.position ? this.position : "snapshot";
    const onInterruption = (error: VimeshError) => {
      this.interruption = error;
      this.changed();
    };
    void this.fetchNewest(signal);
    for await (const item of this.client.watch({ from, readMask: FIELDS, signal, onInterruption })) {
      if (item.kind === "reset") this.reset();
      else if (item.kind === "vim") (this.building ?? this.cells).put(item.vim);
      else if (item.kind === "event") this.apply(item.event);
      else this.arrive(item.position);
      this.heardAt = Date.now();
      this.interruption = undefined;
    }
  }

  /** Call a function with each change as it comes. Returns what ends that. */
  onChange(listener: (event: VimEvent) => void): () => void {
    this.onEach.add(listener);
    return () => this.onEach.delete(listener);
  }

  get isLive(): boolean {
    return Date.now() - this.heardAt < LIVE_FOR_MS;
  }

  /**
   * Whether the status may have ended: the fleet is silent, and nobody has said that the status holds until now. While the
   * fleet is heard, it tells of each lease that ends.
   */
  isStale(place: number): boolean {
    return this.hasEnded(this.cells.until[place] ?? 0);
  }

  /** The same of a status that may be believed until then without further news, in milliseconds since 1970. */
  hasEnded(until: number): boolean {
    return !this.isLive && until < this.clock.now();
  }

  /** Whether a VIM that had this revision when it was fetched has been deregistered since, as the watch knows. */
  isGone(vimId: string, revision: bigint): boolean {
    const isKnown = this.isComplete && this.position !== undefined && revision <= this.position.revision;
    return isKnown && this.cells.placeOf(vimId) === undefined;
  }

  nameOf(vimId: string): string | undefined {
    const place = this.cells.placeOf(vimId);
    return place === undefined ? this.departed.get(vimId) : this.cells.names[place];
  }

  private reset(): void {
    this.building = new Cells();
    // The first snapshot is shown while it arrives.
    if (!this.isComplete) this.show(this.building);
  }

  private arrive(position: WatchPosition): void {
    this.position = position;
    if (this.building) {
      this.show(this.building.arranged());
      this.building = undefined;
      this.isComplete = true;
    } else if (this.cells.isSparse) {
      this.show(this.cells.arranged());
    }
    this.changed();
  }

  private apply(event: VimEvent): void {
    const time = millis(event.time);
    if (time !== undefined) this.clock.prove(time);
    // Names go with their VIMs, and this one's may be gone in a moment.
    const name = this.nameOf(event.vimId);
    const place = (this.building ?? this.cells).apply(event);
    if (place !== undefined && !this.building) this.touched?.add(place);
    this.remember(event, name);
    this.changes += 1;
    for (const listener of this.onEach) listener(event);
    this.changed();
  }

  private remember(event: VimEvent, name: string | undefined): void {
    if (event.kind === VimEvent_Kind.DEREGISTERED && name) this.departed.set(event.vimId, name);
    this.newest.unshift(event);
    if (this.newest.length <= NEWEST) return;
    const last = this.newest.pop()!;
    if (last.kind === VimEvent_Kind.DEREGISTERED) this.departed.delete(last.vimId);
  }

  private show(cells: Cells): void {
    this.cells = cells;
    this.touched = undefined;
    this.changed();
  }

  private async fetchNewest(signal: AbortSignal): Promise<void> {
    try {
      const { events } = await this.client.vims.listVimEvents({ pageSize: NEWEST }, { signal });
      const known = new Set(this.newest.map(({ revision }) => revision));
      const older = events.filter(({ revision }) => !known.has(revision));
      this.newest.push(...older);
      this.newest.sort((a, b) => (a.revision < b.revision ? 1 : a.revision > b.revision ? -1 : 0));
      this.newest.length = Math.min(this.newest.length, NEWEST);
      for (const { vimId, vim } of older) if (vim?.name && !this.nameOf(vimId)) this.departed.set(vimId, vim.name);
      this.changed();
    } catch {
      // The watch says what is wrong, and brings the changes that follow.
    }
  }
}
