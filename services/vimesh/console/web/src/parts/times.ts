import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { create } from "@bufbuild/protobuf";
import { DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";

const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const ZONE = new Intl.DateTimeFormat(undefined, { timeZoneName: "longOffset" });

const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

/** Milliseconds since 1970; undefined if there is no time. */
export function millis(time: Timestamp | undefined): number | undefined {
  return time && Number(time.seconds) * 1000 + time.nanos / 1e6;
}

export function timestamp(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) });
}

export function seconds(duration: Duration | undefined): number | undefined {
  return duration && Number(duration.seconds) + duration.nanos / 1e9;
}

/** A time in the zone of the reader. */
export function timeText(ms: number | undefined): string {
  return ms === undefined ? "–" : WHOLE.format(ms);
}

/** The same, of today without the day. */
export function shortTimeText(ms: number | undefined): string {
  const isToday = ms !== undefined && new Date(ms).toDateString() === new Date().toDateString();
  return isToday ? CLOCK.format(ms) : timeText(ms);
}

export function clockText(ms: number): string {
  return CLOCK.format(ms);
}

/** The zone of the reader, such as `Europe/Berlin (GMT+02:00)`. */
export function zoneText(): string {
  const offset = ZONE.formatToParts(Date.now()).find(({ type }) => type === "timeZoneName")?.value ?? "";
  return `${ZONE.resolvedOptions().timeZone} (${offset})`;
}

/** A length of time in its two largest units, such as `3 h 20 min`. */
export function lengthText(wholeSeconds: number): string {
  let left = Math.max(0, Math.round(wholeSeconds));
  const words: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0 || (unit === "s" && words.length === 0)) words.push(`${count} ${unit}`);
  }
  return words.slice(0, 2).join(" ");
}

/** A number with three digits at least, and no exponent. */
export function threeDigits(number: number): string {
  return Math.abs(number) >= 100 ? String(Math.round(number)) : number.toPrecision(3);
}

/** A short length of time, such as `12.3 ms`. */
export function roundTripText(duration: Duration | undefined): string {
  const length = seconds(duration);
  if (length === undefined) return "–";
  return length < 1 ? `${threeDigits(length * 1000)} ms` : `${threeDigits(length)} s`;
}

const WRITTEN = /^(\d{1,6}(?:\.\d{1,3})?)\s*(ms|s|m|min|h)?$/;
const SIZES: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, min: 60, h: 3_600 };

/** Read a length of time as people write it, such as `500ms`, `10s` or `1h`; undefined if it is none. */
export function writtenDuration(text: string): Duration | undefined {
  const match = WRITTEN.exec(text.trim());
  if (!match) return undefined;
  const millis = Math.round(Number(match[1]) * (SIZES[match[2] ?? "s"] ?? 1) * 1000);
  return create(DurationSchema, { seconds: BigInt(Math.floor(millis / 1000)), nanos: (millis % 1000) * 1_000_000 });
}

/** The same, written. */
export function durationText(duration: Duration | undefined): string {
  const length = seconds(duration);
  if (length === undefined) return "";
  return length < 1 && length > 0 ? `${Math.round(length * 1000)}ms` : `${length}s`;
}
