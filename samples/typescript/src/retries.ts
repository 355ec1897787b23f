import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { Code, type ContextValues, type StreamResponse, type Transport, type UnaryResponse } from "@connectrpc/connect";
import { toVimeshError, type VimeshError } from "./errors.js";
import { RETRY_ADVICE } from "./gen/retry_advice.js";
import { Backoff, pause } from "./pause.js";

export interface RetryOptions {
  /** How often a call is sent at most, if nobody can be reached; 1 turns retries off. */
  readonly attempts?: number;
  /** Limit of a call with all its retries, unless the call has one of its own. */
  readonly timeoutMs?: number;
}

const ATTEMPTS = 4;
const TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** What may decide whether a request is safe to repeat. */
interface Repeatable {
  requestId?: string;
  requests?: readonly Repeatable[];
  etag?: string;
  vim?: { etag?: string };
}

/**
 * Repeats calls that failed on the way, if the contract says that this is safe, and calls that were refused for a while,
 * after the delay that the answer names. Whatever it throws is a VimeshError.
 *
 * Reports are never repeated: by the time a conductor is back, there may be a newer one to send.
 */
export class RetryingTransport implements Transport {
  private readonly attempts: number;
  private readonly timeoutMs: number;

  constructor(
    private readonly inner: Transport,
    options: RetryOptions = {},
  ) {
    this.attempts = options.attempts ?? ATTEMPTS;
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: ContextValues,
  ): Promise<UnaryResponse<I, O>> {
    const limitMs = timeoutMs ?? this.timeoutMs;
    const endsAt = limitMs > 0 ? Date.now() + limitMs : Infinity;
    const backoff = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    for (let attempt = 1; ; attempt++) {
      try {
        // For Connect, 0 means no limit.
        const leftMs = limitMs > 0 ? Math.max(1, endsAt - Date.now()) : 0;
        return await this.inner.unary(method, signal, leftMs, header, input, contextValues);
      } catch (thrown) {
        const error = toVimeshError(thrown, attempt);
        const delay = delayOf(error, isSafe(method, input as Repeatable), backoff);
        const isLast = attempt >= this.attempts || delay === undefined || Date.now() + delay >= endsAt;
        if (isLast || signal?.aborted) throw error;
        await pause(delay, signal).catch(() => {
          throw error;
        });
      }
    }
  }

  /** Streams are resumed by those who read them: see `watch`. */
  async stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: ContextValues,
  ): Promise<StreamResponse<I, O>> {
    try {
      return await this.inner.stream(method, signal, timeoutMs, header, input, contextValues);
    } catch (thrown) {
      throw toVimeshError(thrown);
    }
  }
}

/** Return how long to wait before another attempt; undefined: there must be none. */
function delayOf(error: VimeshError, safe: boolean, backoff: Backoff): number | undefined {
  // Nothing was done yet: it was refused.
  if (error.code === Code.ResourceExhausted) return error.retryAfterMs;
  return error.isPassing && safe ? backoff.next() : undefined;
}

function isSafe(method: DescMethodUnary, request: Repeatable): boolean {
  if (method.parent.typeName === "vimesh.v1.ConductorService") return false;
  switch (RETRY_ADVICE[`${method.parent.typeName}.${method.name}`]) {
    case "safe":
      return true;
    case "request_id":
      return Boolean(request.requestId);
    case "each_request_id":
      return (request.requests ?? []).every(({ requestId }) => requestId);
    case "no_etag":
      return !request.etag && !request.vim?.etag;
    default:
      return false;
  }
}
