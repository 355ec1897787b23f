export { Code } from "@connectrpc/connect";
export { type ClientOptions, VimeshClient, type WaitOptions, WaitTimeout } from "./client.js";
export { VimeshError, type Violation } from "./errors.js";
export { RETRY_ADVICE, type RetryAdvice } from "./gen/retry_advice.js";
export {
  Monitor_Engine,
  type Vim,
  type VimEvent,
  VimEvent_Kind,
  Vim_Status,
  VimSchema,
  WatchEnd,
} from "./gen/vimesh/v1/vim_pb.js";
export type { PingActionOptions, Verdict } from "./ping_action.js";
export { RetryingTransport, type RetryOptions } from "./retries.js";
export { type WatchItem, type WatchOptions, type WatchPosition, watchVims } from "./watch.js";
