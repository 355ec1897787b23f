import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";

/** A field of a request that breaks its rule. */
export interface Violation {
  readonly field: string;
  readonly description: string;
}

/** A call that failed. Tell errors apart by `code` and `reason`: the message is for people, and may change. */
export class VimeshError extends Error {
  override readonly name = "VimeshError";

  constructor(
    message: string,
    /** The code of gRPC. */
    readonly code: Code,
    /** The reason, such as `NAME_TAKEN`; empty if no part of vimesh answered, such as when the connection failed. */
    readonly reason: string,
    /** What belongs to the reason, such as the name that is taken. */
    readonly metadata: Readonly<Record<string, string>>,
    /** For BAD_INPUT, the fields and their rules. */
    readonly violations: readonly Violation[],
    /** The delay after which the call may be repeated, if the answer has one. */
    readonly retryAfterMs: number | undefined,
    /** How often the call was sent. After more than once, an earlier attempt may have been carried out. */
    readonly attempts: number,
    cause: unknown,
  ) {
    super(message, { cause });
  }

  /** Whether the conductor or the connection failed, so that another attempt may find another conductor. */
  get isPassing(): boolean {
    return this.code === Code.Unavailable || (this.reason === "" && PASSING_WITHOUT_REASON.has(this.code));
  }
}

/** What proxies and libraries make of a connection that ends in the middle of a call. */
const PASSING_WITHOUT_REASON = new Set([Code.Internal, Code.Aborted, Code.Unknown, Code.Canceled]);

/** Return any thrown value as a VimeshError. */
export function toVimeshError(thrown: unknown, attempts = 1): VimeshError {
  if (thrown instanceof VimeshError) return thrown;
  const error = ConnectError.from(thrown);
  const info = error.findDetails(ErrorInfoSchema)[0];
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return new VimeshError(
    error.rawMessage,
    error.code,
    info?.reason ?? "",
    info?.metadata ?? {},
    error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations),
    delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6,
    attempts,
    thrown,
  );
}
