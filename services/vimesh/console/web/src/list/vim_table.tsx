import { useEffect, useRef, useState } from "preact/hooks";
import type { Vim } from "vimesh-client/v1/vim";
import type { LiveFleet } from "../live/live_fleet.js";
import { useChanging, useClock } from "../parts/changing.js";
import { StatusBadge } from "../parts/notices.js";
import { lengthText, millis, timeText } from "../parts/times.js";
import { T } from "../texts.js";
import type { Column } from "./columns.js";
import type { VimPages } from "./vim_pages.js";

/** All rows are as high as the style sheet says, so that the ones in sight can be told from the position alone. */
const ROW_HEIGHT = 32;
const BEYOND_SIGHT = 10;
const FETCH_BEFORE_END = 50;

interface TableProps {
  readonly pages: VimPages;
  readonly columns: readonly Column[];
  readonly live: LiveFleet;
  readonly order: string;
  readonly onOrder: (order: string) => void;
  readonly selected: ReadonlySet<string>;
  readonly isSelectable: boolean;
  readonly onSelect: (selected: ReadonlySet<string>) => void;
}

/** The rows in sight of however many there are. Pages are fetched as the reader comes near their end. */
export function VimTable({ pages, columns, live, order, onOrder, selected, isSelectable, onSelect }: TableProps) {
  useChanging(live);
  useClock(1_000);
  const frame = useRef<HTMLDivElement>(null);
  const lastPlace = useRef<number>(undefined);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  useEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    frame.current?.scrollTo(0, 0);
    lastPlace.current = undefined;
  }, [pages]);

  const { vims } = pages;
  const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - BEYOND_SIGHT);
  const end = Math.min(vims.length, Math.ceil((top + height) / ROW_HEIGHT) + BEYOND_SIGHT);
  useEffect(() => {
    if (end > vims.length - FETCH_BEFORE_END) void pages.more();
  });

  const toggle = (place: number, isSelected: boolean, withShift: boolean) => {
    const next = new Set(selected);
    const from = withShift && lastPlace.current !== undefined ? lastPlace.current : place;
    for (let one = Math.min(from, place); one <= Math.max(from, place); one++) {
      const id = vims[one]?.id;
      if (id && isSelected) next.add(id);
      else if (id) next.delete(id);
    }
    lastPlace.current = place;
    onSelect(next);
  };
  const all = vims.length > 0 && vims.every(({ id }) => selected.has(id));

  return (
    <div
      class="scrolling rows"
      ref={frame}
      role="region"
      aria-label={T.list.table}
      tabIndex={0}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      <table aria-rowcount={(pages.total ?? vims.length) + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {isSelectable && (
              <th class="select">
                <input
                  type="checkbox"
                  aria-label={T.list.selectAll}
                  checked={all}
                  onChange={() => onSelect(all ? new Set() : new Set(vims.map(({ id }) => id)))}
                />
              </th>
            )}
            {columns.map((column) => (
              <ColumnHead key={column.name} column={column} order={order} onOrder={onOrder} />
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <Gap rows={first} />}
          {vims.slice(first, end).map((vim, index) => (
            <VimRow
              key={vim.id}
              vim={vim}
              index={first + index}
              columns={columns}
              live={live}
              isSelectable={isSelectable}
              isSelected={selected.has(vim.id)}
              onToggle={toggle}
            />
          ))}
          {end < vims.length && <Gap rows={vims.length - end} />}
        </tbody>
      </table>
      {pages.isLoading && <p class="hint">{T.loading}</p>}
      {pages.isWhole && vims.length === 0 && <p class="notice">{T.list.empty}</p>}
    </div>
  );
}

/** The height of the rows that are out of sight. */
function Gap({ rows }: { rows: number }) {
  return (
    <tr aria-hidden="true" class="gap">
      <td style={{ height: `${rows * ROW_HEIGHT}px` }} />
    </tr>
  );
}

function ColumnHead({ column, order, onOrder }: { column: Column; order: string; onOrder: (order: string) => void }) {
  const { title, order: by } = column;
  if (!by) return <th scope="col">{title}</th>;
  const state = order === by ? "ascending" : order === `${by} desc` ? "descending" : "none";
  return (
    <th scope="col" aria-sort={state}>
      <button type="button" class="link" title={T.list.sort(title)} onClick={() => onOrder(state === "ascending" ? `${by} desc` : by)}>
        {title}
        <span aria-hidden="true">{state === "ascending" ? " ▲" : state === "descending" ? " ▼" : ""}</span>
      </button>
    </th>
  );
}

interface RowProps {
  readonly vim: Vim;
  readonly index: number;
  readonly columns: readonly Column[];
  readonly live: LiveFleet;
  readonly isSelectable: boolean;
  readonly isSelected: boolean;
  readonly onToggle: (place: number, isSelected: boolean, withShift: boolean) => void;
}

function VimRow({ vim, index, columns, live, isSelectable, isSelected, onToggle }: RowProps) {
  const { cells } = live;
  const place = cells.placeOf(vim.id);
  const isGone = live.isGone(vim.id, vim.revision);
  // The watch knows what has changed since the page was fetched, unless it was cut before.
  const cell = place !== undefined && cells.revisionOf(place) >= Number(vim.revision) ? place : undefined;
  const until = cell === undefined ? millis(vim.validUntil) : cells.until[cell];
  const status = cell === undefined ? vim.status : (cells.status[cell] ?? 0);
  const reason = cell === undefined ? vim.reason : cells.reasons[cell];
  const since = cell === undefined ? millis(vim.statusTime) : cells.since[cell] || undefined;
  const content = (column: Column) => {
    switch (column.name) {
      case "status":
        return isGone ? T.list.gone : <StatusBadge status={status} isStale={live.hasEnded(until ?? 0)} />;
      case "reason":
        return reason;
      case "since":
        return since && <time title={timeText(since)}>{lengthText((live.clock.now() - since) / 1000)}</time>;
      default:
        return column.cell(vim);
    }
  };
  return (
    <tr aria-rowindex={index + 2} class={isGone ? "gone" : undefined} data-vim={vim.id}>
      {isSelectable && (
        <td class="select">
          <input
            type="checkbox"
            aria-label={T.list.select(vim.name)}
            checked={isSelected}
            onClick={(event) => onToggle(index, event.currentTarget.checked, event.shiftKey)}
          />
        </td>
      )}
      {columns.map((column) => (
        <td key={column.name}>{content(column)}</td>
      ))}
    </tr>
  );
}
