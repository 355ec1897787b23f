import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { VimSchema } from "vimesh-client";
import { roundTripText } from "../../../services/vimesh/console/web/src/parts/times.js";
import { changedFields, faultsOf, readValues, valuesOf } from "../../../services/vimesh/console/web/src/vim/form_values.js";

test("what is stored and not changed is not judged", () => {
  // As it can be stored: longer than people write it.
  const vim = create(VimSchema, { name: "a", probePolicy: { interval: { seconds: 12n, nanos: 345_678_900 } } });
  const before = valuesOf(vim);
  const after = { ...before, name: "b" };
  const { faults } = readValues(after);
  assert.equal(faults.size, 1);
  assert.equal(faultsOf(faults, changedFields(before, after)).size, 0);
  const broken = { ...before, "probe_policy.interval": "soon" };
  assert.equal(faultsOf(readValues(broken).faults, changedFields(before, broken)).size, 1);
});

test("long round trips are written without an exponent", () => {
  const vim = create(VimSchema, { roundTrip: { seconds: 1234n, nanos: 0 } });
  assert.equal(roundTripText(vim.roundTrip), "1234 s");
});
