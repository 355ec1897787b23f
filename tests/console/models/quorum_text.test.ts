import assert from "node:assert/strict";
import { test } from "node:test";
import { Vim_Status } from "vimesh-client";
import { quorumText } from "../../../services/vimesh/console/web/src/vim/quorum_text.js";

const { REACHABLE, UNREACHABLE, UNKNOWN, PENDING } = Vim_Status;

function textOf(says: readonly Vim_Status[], quorum: number, status: Vim_Status, reason = ""): string {
  return quorumText({ views: says.map((one) => ({ status: one })), status, reason, quorum });
}

test("it is said in words how the status follows from the views", () => {
  assert.deepEqual(
    [
      textOf([REACHABLE, UNREACHABLE, REACHABLE], 2, REACHABLE),
      textOf([REACHABLE, UNKNOWN, PENDING], 0, REACHABLE),
      textOf([UNREACHABLE, REACHABLE], 1, UNREACHABLE, "TIMEOUT"),
      textOf([UNREACHABLE, PENDING], 2, UNKNOWN, "NO_QUORUM"),
      textOf([UNREACHABLE, REACHABLE], 0, UNKNOWN, "DISPUTED"),
      textOf([PENDING, PENDING], 0, PENDING),
    ],
    [
      "Of 3 vantages, 2 say reachable, 1 says unreachable. 2 have to agree, so the VIM is reachable.",
      "Of 3 vantages, 1 says reachable, 2 cannot tell. The majority of those that can tell decides, which is 1 of 1, so the VIM is reachable.",
      "Of 2 vantages, 1 says reachable, 1 says unreachable. One is enough, and both would do: unreachable comes first.",
      "Of 2 vantages, 1 says unreachable, 1 cannot tell. 2 have to agree, and too few can tell, so the VIM is unknown.",
      "Of 2 vantages, 1 says reachable, 1 says unreachable. The majority of those that can tell decides, which is 2 of 2, and they disagree, so the VIM is unknown.",
      "Of 2 vantages, 2 cannot tell. The majority of those that can tell decides, and none has reported yet, so the VIM is pending.",
    ],
  );
});
