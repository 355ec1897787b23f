import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Vim_Status, VimSchema } from "vimesh-client";
import { Monitor_Engine } from "vimesh-client/v1/vim";
import { COLUMNS } from "../../../services/vimesh/console/web/src/list/columns.js";
import { csvHead, csvLines } from "../../../services/vimesh/console/web/src/list/csv.js";

function columns(...names: string[]) {
  return COLUMNS.filter(({ name }) => names.includes(name));
}

test("columns are written by the names and in the words of the contract", () => {
  const time = { seconds: 1_790_000_000n, nanos: 0 };
  const known = { status: Vim_Status.UNREACHABLE, statusTime: time, roundTrip: { seconds: 0n, nanos: 12_000_000 } };
  const vim = create(VimSchema, { name: "lab", ...known, monitor: { engine: Monitor_Engine.EMBEDDED }, labels: { b: "2", a: "1" } });
  const shown = columns("name", "status", "since", "labels", "engine", "roundTrip", "maintenance");
  assert.equal(csvHead(shown), "name,status,status_time,labels,monitor.engine,round_trip,maintenance\r\n");
  assert.equal(csvLines([vim], shown), 'lab,UNREACHABLE,2026-09-21T14:13:20Z,"a=1, b=2",EMBEDDED,0.012s,\r\n');
});

test("no text breaks a line, or is a formula for spreadsheets", () => {
  const names = ['say "a, b"', "two\nlines", " spaced", '=HYPERLINK("http://a.example")', "-1", "@a", ""];
  const vims = names.map((name) => create(VimSchema, { name }));
  assert.deepEqual(csvLines(vims, columns("name")).split("\r\n"), [
    ...['"say ""a, b"""', '"two\nlines"', '" spaced"', `"'=HYPERLINK(""http://a.example"")"`, "'-1", "'@a", "", ""],
  ]);
});
