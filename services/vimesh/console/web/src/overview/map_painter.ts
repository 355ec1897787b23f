import { Vim_Status } from "vimesh-client";
import type { LiveFleet } from "../live/live_fleet.js";
import { colour } from "../parts/theme.js";
import { statusText } from "../texts.js";

const LARGEST = 22;
const SMALLEST = 2;
/** From this size on, cells have gaps and marks besides their colours. */
const WITH_GAPS = 4;
const WITH_MARKS = 7;

/** Where the cells are: in rows from the left, as large as all of them fit. */
export interface Grid {
  readonly size: number;
  readonly across: number;
  readonly height: number;
}

export function gridOf(count: number, width: number, height: number): Grid {
  const fitting = Math.floor(Math.sqrt((width * height) / Math.max(1, count)));
  let size = Math.min(LARGEST, Math.max(SMALLEST, fitting));
  // The last column and row are seldom full: look whether this size really fits.
  while (size > SMALLEST && Math.ceil(count / Math.floor(width / size)) * size > height) size -= 1;
  const across = Math.max(1, Math.floor(width / size));
  return { size, across, height: Math.max(size, Math.ceil(count / across) * size) };
}

/** Paints cells onto one canvas: all of them when their places or colours are others, else the ones that have changed. */
export class MapPainter {
  private grid: Grid | undefined;
  private cells: object | undefined;
  private staleShown = false;
  private colours: string[] = [];
  private mark = "";
  private back = "";

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.readColours();
  }

  readColours(): void {
    this.colours = [0, 1, 2, 3, 4].map((status) => (status ? colour(statusText(status as Vim_Status)) : colour("unknown")));
    this.mark = colour("mark");
    this.back = colour("panel");
    this.cells = undefined;
  }

  paint(live: LiveFleet, grid: Grid, width: number): void {
    const scale = Math.max(1, devicePixelRatio);
    const { canvas } = this;
    const isResized = canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(grid.height * scale);
    if (isResized) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(grid.height * scale);
      canvas.style.height = `${grid.height}px`;
    }
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) return;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const hasStale = live.heardAt > 0 && !live.isLive;
    const moved = this.grid?.size !== grid.size || this.grid.across !== grid.across;
    const all = isResized || moved || this.cells !== live.cells || hasStale || this.staleShown || !live.touched;
    if (all) {
      context.fillStyle = this.back;
      context.fillRect(0, 0, width, grid.height);
      this.paintAll(context, live, grid, hasStale);
    } else {
      for (const place of live.touched ?? []) this.paintOne(context, live, grid, place, hasStale);
    }
    live.touched = new Set();
    this.grid = grid;
    this.cells = live.cells;
    this.staleShown = hasStale;
  }

  /** Colour by colour: to change the colour costs more than to fill a cell. */
  private paintAll(context: CanvasRenderingContext2D, live: LiveFleet, grid: Grid, hasStale: boolean): void {
    const { cells } = live;
    const inner = grid.size - (grid.size >= WITH_GAPS ? 1 : 0);
    for (let status = 0; status < this.colours.length; status++) {
      context.fillStyle = this.colours[status]!;
      for (let place = 0; place < cells.length; place++) {
        if (cells.status[place] !== status || cells.isGone(place)) continue;
        if (hasStale && live.isStale(place)) continue;
        context.fillRect((place % grid.across) * grid.size, Math.floor(place / grid.across) * grid.size, inner, inner);
      }
    }
    for (let place = 0; place < cells.length; place++) {
      if (cells.isGone(place)) continue;
      if (hasStale && live.isStale(place)) this.paintOne(context, live, grid, place, hasStale);
      else if (grid.size >= WITH_MARKS) this.paintMark(context, live, grid, place);
    }
  }

  private paintOne(context: CanvasRenderingContext2D, live: LiveFleet, grid: Grid, place: number, hasStale: boolean): void {
    const x = (place % grid.across) * grid.size;
    const y = Math.floor(place / grid.across) * grid.size;
    const inner = grid.size - (grid.size >= WITH_GAPS ? 1 : 0);
    context.fillStyle = this.back;
    context.fillRect(x, y, grid.size, grid.size);
    if (live.cells.isGone(place)) return;
    context.fillStyle = this.colours[live.cells.status[place] ?? 0]!;
    if (hasStale && live.isStale(place)) {
      // A frame without a filling: what it was, and that it may be so no more. Small cells are pale instead.
      context.globalAlpha = inner >= WITH_GAPS ? 0.6 : 0.3;
      if (inner >= WITH_GAPS) {
        context.fillRect(x, y, inner, 1);
        context.fillRect(x, y + inner - 1, inner, 1);
        context.fillRect(x, y, 1, inner);
        context.fillRect(x + inner - 1, y, 1, inner);
      } else {
        context.fillRect(x, y, inner, inner);
      }
      context.globalAlpha = 1;
      return;
    }
    context.fillRect(x, y, inner, inner);
    if (grid.size >= WITH_MARKS) this.paintMark(context, live, grid, place);
  }

  /** Statuses differ by a mark besides their colours, and so does maintenance. */
  private paintMark(context: CanvasRenderingContext2D, live: LiveFleet, grid: Grid, place: number): void {
    const { cells } = live;
    const x = (place % grid.across) * grid.size;
    const y = Math.floor(place / grid.across) * grid.size;
    const inner = grid.size - 1;
    const middle = Math.floor(inner / 2);
    context.fillStyle = this.mark;
    if (cells.status[place] === Vim_Status.UNREACHABLE) context.fillRect(x + 1, y + middle - 1, inner - 2, 2);
    else if (cells.status[place] === Vim_Status.UNKNOWN) context.fillRect(x + middle - 1, y + middle - 1, 2, 2);
    if (cells.inMaintenance[place]) context.fillRect(x, y + inner - 2, inner, 2);
  }
}
