import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, type Client } from "@connectrpc/connect";
import { toVimeshError, VimeshError } from "./errors.js";
import { type Vim, type VimEvent, WatchEnd } from "./gen/vimesh/v1/vim_pb.js";
import type { VimService, WatchVimsRequestSchema } from "./gen/vimesh/v1/vim_service_pb.js";
import { Backoff, pause } from "./pause.js";

/** Everything up to `revision` of this log was read. Store it to go on from there, also in another process. */
export interface WatchPosition {
  readonly revision: bigint;
  readonly logId: string;
}

/** What a watch yields. */
export type WatchItem =
  /** What follows is the state of all VIMs: forget those that were known. It comes first, and after a gap in the log. */
  | { readonly kind: "reset" }
  /** A VIM of that state. */
  | { readonly kind: "vim"; readonly vim: Vim }
  /** A change. Each comes exactly once, in the order of the revisions. */
  | { readonly kind: "event"; readonly event: VimEvent }
  /** All before it was yielded; at the end of the state, after changes, and every few seconds. */
  | { readonly kind: "position"; readonly position: WatchPosition };

export interface WatchOptions {
  /** Watch only this VIM. */
  readonly vimId?: string;
  /** Watch only VIMs that match, such as `labels.region = eu`. */
  readonly filter?: string;
  /** The fields of each VIM to send, such as `name`; by default all. */
  readonly readMask?: readonly string[];
  /** Where to begin: with all VIMs (the default), with the next change, or after a position. */
  readonly from?: "snapshot" | "now" | WatchPosition;
  /** Ends the watch: it throws the reason of the signal. */
  readonly signal?: AbortSignal;
  /** Called when the connection is lost. The watch goes on by itself. */
  readonly onInterruption?: (error: VimeshError) => void;
}

/** A conductor sends something every 5 s: a stream that is silent for so long is dead. */
const SILENCE_MS = 20_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Watch VIMs across disconnects, at whichever conductor there is. Never ends by itself; throws a VimeshError if it cannot
 * go on, such as for a filter that is invalid or a call that is not permitted.
 */
export async function* watchVims(
  vims: Client<typeof VimService>,
  options: WatchOptions = {},
): AsyncGenerator<WatchItem, never, undefined> {
  const from = options.from ?? "snapshot";
  let position = typeof from === "string" ? undefined : from;
  let whole = from === "snapshot";
  const backoff = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  for (;;) {
    if (whole) yield { kind: "reset" };
    let end = WatchEnd.UNSPECIFIED;
    try {
      const request: MessageInitShape<typeof WatchVimsRequestSchema> = {
        vimId: options.vimId ?? "",
        filter: options.filter ?? "",
        snapshot: whole,
        startRevision: position && !whole ? position.revision + 1n : 0n,
        logId: position && !whole ? position.logId : "",
      };
      if (options.readMask) request.readMask = { paths: [...options.readMask] };
      for await (const response of unlessSilent(vims, request, options.signal)) {
        backoff.reset();
        for (const vim of response.vims) yield { kind: "vim", vim };
        for (const event of response.events) {
          if (!whole && position && event.revision <= position.revision) continue;
          yield { kind: "event", event };
        }
        end = response.end;
        if (response.revision > 0n) {
          whole = false;
          const logId: string = response.logId || (position?.logId ?? "");
          if (!position || response.revision > position.revision || logId !== position.logId)
            position = { revision: response.revision, logId };
          yield { kind: "position", position };
        }
      }
    } catch (thrown) {
      options.signal?.throwIfAborted();
      const error = toVimeshError(thrown);
      if (error.code === Code.OutOfRange) {
        // The changes that were missed are not kept, or belong to another log.
        whole = true;
        position = undefined;
        continue;
      }
      if (!isResumable(error)) throw error;
      options.onInterruption?.(error);
    }
    if (end !== WatchEnd.AGED) await pause(backoff.next(), options.signal);
  }
}

function isResumable(error: VimeshError): boolean {
  return error.isPassing || error.code === Code.DeadlineExceeded || error.code === Code.ResourceExhausted;
}

async function* unlessSilent(
  vims: Client<typeof VimService>,
  request: MessageInitShape<typeof WatchVimsRequestSchema>,
  signal: AbortSignal | undefined,
) {
  const ended = new AbortController();
  const end = () => ended.abort();
  if (signal?.aborted) end();
  signal?.addEventListener("abort", end, { once: true });
  let silent = false;
  const fall = () => {
    silent = true;
    end();
  };
  let timer = setTimeout(fall, SILENCE_MS);
  try {
    for await (const response of vims.watchVims(request, { signal: ended.signal, timeoutMs: 0 })) {
      clearTimeout(timer);
      yield response;
      timer = setTimeout(fall, SILENCE_MS);
    }
  } catch (thrown) {
    if (!silent) throw thrown;
    throw new VimeshError(`no data received for ${SILENCE_MS / 1000} s`, Code.Unavailable, "", {}, [], undefined, 1, thrown);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
    end();
  }
}
