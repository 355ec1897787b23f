/** What may come next in a filter. */
export interface Completion {
  readonly word: string;
  /** The filter with the word in the place of what was begun. */
  readonly filter: string;
  readonly cursor: number;
}

const FIELDS = [
  ...["name", "status", "reason", "type", "project_id", "auth_url", "labels.", "engine", "maintenance", "flapping"],
  ...["is_default", "apply_set", "create_time", "update_time", "status_time", "id"],
];
const EQUALITY = ["=", "!="];
const TEXT = ["=", "!=", ":"];
const TIME = ["<", "<=", ">", ">=", "=", "!="];
const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  ...{ name: TEXT, reason: TEXT, auth_url: TEXT, create_time: TIME, update_time: TIME, status_time: TIME },
};
const TRUTH = ["true", "false"];
const VALUES: Readonly<Record<string, readonly string[]>> = {
  status: ["UNREACHABLE", "UNKNOWN", "PENDING", "REACHABLE"],
  type: ["openstack", "kubernetes"],
  engine: ["EMBEDDED", "MISTRAL", "EXTERNAL"],
  reason: ["TIMEOUT", "REFUSED", "RESET", "HOST_UNREACHABLE", "NET_UNREACHABLE", "DNS", "TLS", "PROTOCOL", "SILENT", "DISPUTED", "NO_QUORUM"],
  maintenance: TRUTH,
  flapping: TRUTH,
  is_default: TRUTH,
};
const TOKEN = /"(?:[^"\\]|\\.)*"?|[<>]=?|!=|[=:()]|[^\s"<>!=:()]+/g;
const IS_OPERATOR = /^(?:[<>]=?|!=|[=:])$/;
const JOINTS = ["AND", "OR"];
const MOST = 12;

/** Return what may come at the cursor. The fleet judges filters; this only saves typing. */
export function completions(filter: string, cursor: number): readonly Completion[] {
  const before = filter.slice(0, cursor);
  const tokens = [...before.matchAll(TOKEN)].map(({ 0: text, index }) => ({ text, start: index }));
  const last = tokens.at(-1);
  const isOpen = last !== undefined && last.start + last.text.length === cursor && !IS_OPERATOR.test(last.text) && last.text !== "(";
  const begun = isOpen ? last.text : "";
  const past = (isOpen ? tokens.slice(0, -1) : tokens).map(({ text }) => text);
  const start = isOpen ? last.start : cursor;
  return wordsAfter(past)
    .filter((word) => word.toLowerCase().startsWith(begun.toLowerCase()) && word !== begun)
    .slice(0, MOST)
    .map((word) => {
      const end = word.endsWith(".") ? "" : " ";
      return { word, filter: filter.slice(0, start) + word + end + filter.slice(cursor), cursor: start + word.length + end.length };
    });
}

function wordsAfter(past: readonly string[]): readonly string[] {
  const last = past.at(-1);
  if (last === undefined || last === "(" || JOINTS.includes(last)) return [...FIELDS, "NOT"];
  if (last === "NOT") return FIELDS;
  if (IS_OPERATOR.test(last)) return VALUES[past.at(-2) ?? ""] ?? [];
  if (IS_OPERATOR.test(past.at(-2) ?? "") || last === ")") return JOINTS;
  return last.startsWith("labels") ? TEXT : (OPERATORS[last] ?? EQUALITY);
}
