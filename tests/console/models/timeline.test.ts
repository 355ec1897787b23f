import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Vim_Status, type VimEvent, VimEvent_Kind, VimSchema } from "vimesh-client";
import { VimEventSchema } from "vimesh-client/v1/vim";
import { timestamp } from "../../../services/vimesh/console/web/src/parts/times.js";
import { timelineOf } from "../../../services/vimesh/console/web/src/vim/timeline_model.js";

const { REACHABLE, UNREACHABLE, PENDING } = Vim_Status;
const SINCE = 1_000_000;
const NOW = 2_000_000;

function lost(at: number): VimEvent {
  const statuses = { previousStatus: REACHABLE, status: UNREACHABLE, reason: "TIMEOUT" };
  return create(VimEventSchema, { kind: VimEvent_Kind.STATUS_CHANGED, time: timestamp(at), ...statuses });
}

function labelled(at: number): VimEvent {
  const statuses = { previousStatus: REACHABLE, status: REACHABLE };
  return create(VimEventSchema, { kind: VimEvent_Kind.MODIFIED, time: timestamp(at), ...statuses });
}

function segments(changes: readonly VimEvent[], status: Vim_Status, statusTime: number) {
  const vim = create(VimSchema, { status, statusTime: timestamp(statusTime), createTime: timestamp(1) });
  return timelineOf(vim, changes, SINCE, NOW).segments.map((one) => [one.from, one.to, one.status]);
}

test("nothing is known from before the oldest change that is kept", () => {
  assert.deepEqual(segments([lost(1_500_000)], UNREACHABLE, 1_500_000), [
    [SINCE, 1_500_000, undefined],
    [1_500_000, NOW, UNREACHABLE],
  ]);
});

test("what has followed the oldest change is known, whatever its kind", () => {
  assert.deepEqual(segments([lost(1_500_000), labelled(1_200_000)], UNREACHABLE, 1_500_000), [
    [SINCE, 1_200_000, undefined],
    [1_200_000, 1_500_000, REACHABLE],
    [1_500_000, NOW, UNREACHABLE],
  ]);
  assert.deepEqual(segments([lost(1_500_000), labelled(900_000)], UNREACHABLE, 1_500_000), [
    [SINCE, 1_500_000, REACHABLE],
    [1_500_000, NOW, UNREACHABLE],
  ]);
});

test("without any change, the status is known since its time", () => {
  assert.deepEqual(segments([], REACHABLE, 1_300_000), [
    [SINCE, 1_300_000, undefined],
    [1_300_000, NOW, REACHABLE],
  ]);
  assert.deepEqual(segments([], REACHABLE, 900_000), [[SINCE, NOW, REACHABLE]]);
});

test("a VIM that was registered meanwhile had no status before", () => {
  const statuses = { previousStatus: Vim_Status.STATUS_UNSPECIFIED, status: PENDING };
  const registered = create(VimEventSchema, { kind: VimEvent_Kind.REGISTERED, time: timestamp(1_400_000), ...statuses });
  assert.deepEqual(segments([registered], PENDING, 1_400_000), [
    [SINCE, 1_400_000, undefined],
    [1_400_000, NOW, PENDING],
  ]);
});
