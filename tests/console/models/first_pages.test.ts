import assert from "node:assert/strict";
import { test } from "node:test";
import { firstPages } from "../../../services/vimesh/console/web/src/parts/first_pages.js";

/** Answers so many pages of one row each. */
const pagesOf = (count: number) => async (token: string) => {
  const page = Number(token || 1);
  return { rows: [page], nextPageToken: page < count ? String(page + 1) : "" };
};

test("all of a few pages are fetched", async () => {
  assert.deepEqual(await firstPages(pagesOf(3)), { rows: [1, 2, 3], hasMore: false });
});

test("of many pages only the first are fetched, and it is said", async () => {
  assert.deepEqual(await firstPages(pagesOf(11)), { rows: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], hasMore: true });
});
