import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Sample } from "vimesh-client/v1/history_service";
import { colour, onThemeChange } from "../parts/theme.js";
import { millis, seconds, threeDigits } from "../parts/times.js";
import { T } from "../texts.js";

const HEIGHT = 220;

/** Round trips and losses over time. */
export function RoundTrips({ samples, since, now }: { samples: readonly Sample[]; since: number; now: number }) {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    let plot = draw(element, samples, since, now);
    const endTheme = onThemeChange(() => {
      plot.destroy();
      plot = draw(element, samples, since, now);
    });
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      endTheme();
      plot.destroy();
    };
  }, [samples, since, now]);
  return <div ref={frame} class="plot" role="img" aria-label={T.vim.roundTripsLabel} />;
}

/** The columns of uPlot, with a gap wherever no sample is: nothing was probed then. */
function columnsOf(samples: readonly Sample[]): uPlot.AlignedData {
  const times: number[] = [];
  const columns: (number | null)[][] = [[], [], [], []];
  let expected = Infinity;
  const add = (time: number, ...values: (number | null)[]) => {
    times.push(time);
    values.forEach((value, index) => columns[index]!.push(value));
  };
  for (const sample of samples) {
    const start = (millis(sample.startTime) ?? 0) / 1000;
    const span = seconds(sample.span) ?? 60;
    if (start > expected + span / 2) add(expected, null, null, null, null);
    const sent = sample.answered + sample.lost;
    const trip = (length: number | undefined) => (length === undefined ? null : length * 1000);
    add(
      start + span / 2,
      trip(seconds(sample.minRoundTrip)),
      trip(seconds(sample.meanRoundTrip)),
      trip(seconds(sample.maxRoundTrip)),
      sent ? (100 * sample.lost) / sent : null,
    );
    expected = start + span;
  }
  return [times, ...columns];
}

function draw(element: HTMLElement, samples: readonly Sample[], since: number, now: number): uPlot {
  const ink = colour("ink");
  const line = colour("line");
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  const value = (_: uPlot, one: number | null) => (one == null ? "–" : threeDigits(one));
  return new uPlot(
    {
      width: element.clientWidth,
      height: HEIGHT,
      scales: { x: { min: since / 1000, max: now / 1000 }, "%": { range: [0, 100] }, ms: { range: (_, __, max) => [0, max || 1] } },
      axes: [axis, { ...axis, scale: "ms" }, { ...axis, scale: "%", side: 1, grid: { show: false } }],
      series: [
        {},
        { label: T.vim.shortest, scale: "ms", stroke: colour("faint"), value },
        { label: T.vim.mean, scale: "ms", stroke: colour("accent"), width: 2, value },
        { label: T.vim.longest, scale: "ms", stroke: colour("faint"), value },
        { label: T.vim.lost, scale: "%", stroke: colour("unreachable"), fill: colour("loss"), value },
      ],
    },
    columnsOf(samples),
    element,
  );
}
