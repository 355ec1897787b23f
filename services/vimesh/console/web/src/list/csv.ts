import { toJson } from "@bufbuild/protobuf";
import { type Vim, VimSchema } from "vimesh-client/v1/vim";

/** What of VIMs is written into a column, by the names and in the words of the contract. */
export interface CsvColumn {
  /** The fields that it needs, of which the first one names it, such as `monitor.engine`. */
  readonly fields: readonly string[];
  /** What is written; without it, the value of the first field as in JSON. */
  readonly csv?: (vim: Vim) => string;
}

const IS_QUOTED = /[",\r\n]|^\s|\s$/;
/** Spreadsheets take these for the start of a formula, which can send what else is in the table elsewhere. */
const IS_FORMULA = /^[=+\-@\t\r]/;

export function csvHead(columns: readonly CsvColumn[]): string {
  return csvLine(columns.map(({ fields }) => fields[0] ?? ""));
}

/** Write VIMs as lines after RFC 4180. */
export function csvLines(vims: readonly Vim[], columns: readonly CsvColumn[]): string {
  return vims
    .map((vim) => {
      const document = toJson(VimSchema, vim, { useProtoFieldName: true });
      return csvLine(columns.map(({ fields, csv }) => (csv ? csv(vim) : textAt(document, fields[0] ?? ""))));
    })
    .join("");
}

function csvLine(values: readonly string[]): string {
  const written = values.map((value) => {
    const text = IS_FORMULA.test(value) ? `'${value}` : value;
    return IS_QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return `${written.join(",")}\r\n`;
}

function textAt(document: unknown, path: string): string {
  let value = document;
  for (const name of path.split(".")) value = (value as Readonly<Record<string, unknown>> | undefined)?.[name];
  return value === undefined ? "" : String(value);
}
