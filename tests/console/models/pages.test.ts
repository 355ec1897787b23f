import assert from "node:assert/strict";
import { test } from "node:test";
import { pageOf } from "../../../services/vimesh/console/web/src/pages.js";

test("an address that was cut in the middle of a character has a page", () => {
  assert.equal(pageOf("/vims/%")?.argument, "%");
});
