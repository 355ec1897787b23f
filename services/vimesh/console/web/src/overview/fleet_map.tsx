import { useEffect, useRef, useState } from "preact/hooks";
import type { LiveFleet } from "../live/live_fleet.js";
import { StatusBadge } from "../parts/notices.js";
import { address, go } from "../parts/route.js";
import { onThemeChange } from "../parts/theme.js";
import { lengthText } from "../parts/times.js";
import { T } from "../texts.js";
import { type Grid, gridOf, MapPainter } from "./map_painter.js";

/** Height that the map should not exceed, as a share of the window's. */
const SHARE = 0.55;

/** A cell for each VIM, on one canvas. */
export function FleetMap({ live, counts }: { live: LiveFleet; counts: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<MapPainter>(undefined);
  const grid = useRef<Grid>({ size: 1, across: 1, height: 1 });
  const [width, setWidth] = useState(0);
  // By its id: places are others whenever the cells are arranged anew.
  const [pointedId, setPointedId] = useState("");
  const pointed = live.cells.placeOf(pointedId);
  const setPointed = (place: number | undefined) => setPointedId((place !== undefined && live.cells.ids[place]) || "");

  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const made = new MapPainter(element);
    painter.current = made;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(element);
    const endTheme = onThemeChange(() => {
      made.readColours();
      setWidth((same) => same);
    });
    return () => {
      observer.disconnect();
      endTheme();
    };
  }, []);

  // Painted with each rendering: the page renders at most once for each picture, and every second.
  useEffect(() => {
    // While the first snapshot arrives, cells would be of another size with each part of it.
    if (width === 0 || !live.isComplete) return;
    grid.current = gridOf(live.cells.length, width, Math.max(120, innerHeight * SHARE));
    painter.current?.paint(live, grid.current, width);
  });

  const placeAt = (event: MouseEvent): number | undefined => {
    const { size, across } = grid.current;
    const column = Math.floor(event.offsetX / size);
    const place = Math.floor(event.offsetY / size) * across + column;
    return column < across && place < live.cells.length && !live.cells.isGone(place) ? place : undefined;
  };
  const open = (place: number | undefined) => {
    if (place !== undefined && !live.cells.isGone(place)) go(`/vims/${live.cells.ids[place]}`);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { across } = grid.current;
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across };
    if (event.key === "Enter") return open(pointed);
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const last = live.cells.length - 1;
    let place = pointed === undefined ? 0 : Math.min(last, Math.max(0, pointed + step));
    while (place > 0 && place < last && live.cells.isGone(place)) place += Math.sign(step);
    setPointed(place);
  };

  return (
    <div class="map">
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label={T.overview.mapLabel(counts)}
        onMouseMove={(event) => setPointed(placeAt(event))}
        onClick={(event) => open(placeAt(event))}
        onKeyDown={onKeyDown}
      />
      <p class="hint">
        <span aria-live="polite">{pointed === undefined ? T.overview.mapHint : <Pointed live={live} place={pointed} />}</span>{" "}
        {pointed !== undefined && <Age live={live} place={pointed} />}
      </p>
    </div>
  );
}

function Pointed({ live, place }: { live: LiveFleet; place: number }) {
  const { cells } = live;
  return (
    <>
      <a href={address(`/vims/${cells.ids[place]}`)}>{cells.names[place]}</a>{" "}
      <StatusBadge status={cells.status[place] ?? 0} isStale={live.isStale(place)} /> {cells.reasons[place]}{" "}
      {cells.inMaintenance[place] ? T.overview.maintenanceCell : ""}
    </>
  );
}

/** It grows each second, which nobody wants to be told by ear. */
function Age({ live, place }: { live: LiveFleet; place: number }) {
  const since = live.cells.since[place];
  return <span>{since ? lengthText((live.clock.now() - since) / 1000) : ""}</span>;
}
