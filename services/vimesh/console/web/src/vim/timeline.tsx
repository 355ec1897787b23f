import { useEffect, useRef, useState } from "preact/hooks";
import type { Vim_Status } from "vimesh-client";
import { colour, onThemeChange } from "../parts/theme.js";
import { lengthText, timeText } from "../parts/times.js";
import { statusText, T } from "../texts.js";
import { lengthsOf, type Segment, type Timeline } from "./timeline_model.js";

const HEIGHT = 44;
const MAINTENANCE_HEIGHT = 6;
/** A status of a second must be seen in a month, too. */
const NARROWEST = 1.5;

interface TimelineProps {
  readonly timeline: Timeline;
  readonly since: number;
  readonly now: number;
}

/** The statuses of a VIM as a band, with maintenance below. */
export function TimelineBand({ timeline, since, now }: TimelineProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [, repaint] = useState({});
  const [pointed, setPointed] = useState<Segment>();
  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(element);
    const endTheme = onThemeChange(() => repaint({}));
    return () => {
      observer.disconnect();
      endTheme();
    };
  }, []);
  useEffect(() => {
    if (canvas.current && width > 0) paint(canvas.current, timeline, since, now, width);
  });
  const parts = [...lengthsOf(timeline)].map(([status, length]) => `${knownText(status)} ${lengthText(length / 1000)}`).join(", ");
  const point = (event: MouseEvent) => {
    const time = since + ((now - since) * event.offsetX) / Math.max(1, width);
    setPointed(timeline.segments.find(({ from, to }) => from <= time && time < to));
  };
  return (
    <div class="timeline">
      <canvas
        ref={canvas}
        role="img"
        aria-label={T.vim.timelineLabel(parts)}
        onMouseMove={point}
        onMouseLeave={() => setPointed(undefined)}
      />
      <p class="ends" aria-hidden="true">
        <span>{timeText(since)}</span>
        <span>{timeText(now)}</span>
      </p>
      <p class="hint">
        {pointed
          ? `${knownText(pointed.status)} ${pointed.reason} ${T.maintenance.spanText(timeText(pointed.from), timeText(pointed.to))}`
          : parts}
      </p>
    </div>
  );
}

function knownText(status: Vim_Status | undefined): string {
  return status === undefined ? T.vim.notKnown : statusText(status);
}

function paint(canvas: HTMLCanvasElement, timeline: Timeline, since: number, now: number, width: number): void {
  const scale = Math.max(1, devicePixelRatio);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(HEIGHT * scale);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  const x = (time: number) => ((time - since) / (now - since)) * width;
  const band = HEIGHT - MAINTENANCE_HEIGHT - 2;
  context.fillStyle = colour("hollow");
  context.fillRect(0, 0, width, band);
  // What is bad is painted last: a short failure must not be covered by its neighbours.
  const byBadness = [...timeline.segments].sort((a, b) => (b.status ?? 0) % 3 - (a.status ?? 0) % 3);
  for (const { from, to, status } of byBadness) {
    if (status === undefined) continue;
    context.fillStyle = colour(statusText(status));
    context.fillRect(x(from), 0, Math.max(NARROWEST, x(to) - x(from)), band);
  }
  context.fillStyle = colour("maintenance");
  for (const { from, to } of timeline.maintenance)
    context.fillRect(x(from), band + 2, Math.max(NARROWEST, x(to) - x(from)), MAINTENANCE_HEIGHT);
}
