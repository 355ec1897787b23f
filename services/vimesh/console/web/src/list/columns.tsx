import type { ComponentChildren } from "preact";
import type { Vim } from "vimesh-client/v1/vim";
import { CauseLink } from "../causes/cause_link.js";
import { address } from "../parts/route.js";
import { millis, roundTripText, timeText } from "../parts/times.js";
import { causeText, engineText, T } from "../texts.js";
import type { CsvColumn } from "./csv.js";

export interface Column extends CsvColumn {
  readonly name: string;
  readonly title: string;
  /** What it can be sorted by. */
  readonly order?: string;
  readonly cell: (vim: Vim) => ComponentChildren;
}

/** The columns, in their order. Status, reason and time are shown as the watch knows them: see VimRow. */
export const COLUMNS: readonly Column[] = [
  {
    name: "name",
    title: T.columns.name,
    fields: ["name"],
    order: "name",
    cell: ({ id, name }) => <a href={address(`/vims/${id}`)}>{name}</a>,
  },
  { name: "status", title: T.columns.status, fields: ["status"], cell: () => null },
  { name: "reason", title: T.columns.reason, fields: ["reason"], cell: () => null },
  { name: "since", title: T.columns.since, fields: ["status_time"], order: "status_time", cell: () => null },
  {
    name: "cause",
    title: T.columns.cause,
    fields: ["cause"],
    cell: ({ cause }) => cause && <CauseLink {...cause} />,
    csv: ({ cause }) => (cause ? `${causeText(cause.kind)} ${cause.subject}` : ""),
  },
  { name: "type", title: T.columns.type, fields: ["type"], cell: ({ type }) => type },
  { name: "project", title: T.columns.project, fields: ["project_id"], cell: ({ projectId }) => projectId },
  { name: "authUrl", title: T.columns.authUrl, fields: ["auth_url"], cell: ({ authUrl }) => authUrl },
  {
    name: "labels",
    title: T.columns.labels,
    fields: ["labels"],
    cell: labelsText,
    csv: labelsText,
  },
  {
    name: "registered",
    title: T.columns.registered,
    fields: ["create_time"],
    order: "create_time",
    cell: ({ createTime }) => timeText(millis(createTime)),
  },
  { name: "engine", title: T.columns.engine, fields: ["monitor.engine"], cell: ({ monitor }) => engineText(monitor?.engine ?? 0) },
  { name: "roundTrip", title: T.columns.roundTrip, fields: ["round_trip"], cell: ({ roundTrip }) => roundTripText(roundTrip) },
  {
    name: "maintenance",
    title: T.columns.maintenance,
    fields: ["maintenance"],
    cell: ({ maintenance }) => maintenance?.reason ?? "",
    csv: ({ maintenance }) => maintenance?.reason ?? "",
  },
  { name: "id", title: T.columns.id, fields: ["id"], cell: ({ id }) => <code>{id}</code> },
];

function labelsText({ labels }: Vim): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).sort().join(", ");
}

const USUAL = ["name", "status", "reason", "since", "type", "authUrl", "labels"];
const KEY = "vimesh.columns";

export function storedColumns(): readonly string[] {
  const stored = localStorage.getItem(KEY)?.split(",") ?? [];
  const known = stored.filter((name) => COLUMNS.some((column) => column.name === name));
  return known.length ? known : USUAL;
}

export function storeColumns(names: readonly string[]): void {
  localStorage.setItem(KEY, names.join(","));
}
