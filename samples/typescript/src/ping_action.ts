import { type Client, Code } from "@connectrpc/connect";
import { toVimeshError, type VimeshError } from "./errors.js";
import type { ConductorService } from "./gen/vimesh/v1/conductor_service_pb.js";
import type { Vim_Status } from "./gen/vimesh/v1/vim_pb.js";
import { Backoff, pause } from "./pause.js";

/** What a probe has found. */
export interface Verdict {
  /** REACHABLE, UNREACHABLE, or UNKNOWN if the action cannot probe. */
  readonly status: Vim_Status;
  /** The reason in one word of capitals, such as `TIMED_OUT`. */
  readonly reason?: string;
  /** An explanation for people. */
  readonly detail?: string;
}

export interface PingActionOptions {
  readonly vimId: string;
  /** By default the id of the VIM, as of a VIM that was registered with the engine EXTERNAL. */
  readonly actionId?: string;
  /** Probes once. What it throws ends the action: a probe that fails is a verdict. */
  readonly probe: (signal: AbortSignal | undefined) => Promise<Verdict>;
  /** Pause between two probes. */
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
  /** Called when a report did not arrive. The action goes on probing, and sends its newest verdict. */
  readonly onLost?: (error: VimeshError) => void;
}

const INTERVAL_MS = 5_000;
const REPORT_LIMIT_MS = 10_000;
/** Credentials may be replaced by ones that are valid. */
const PASSING = new Set([Code.DeadlineExceeded, Code.ResourceExhausted, Code.Unauthenticated]);

/**
 * Probe and report until the action is not wanted any more, then return: that is the fence. Nothing else ends it but the
 * signal, whose reason it throws, and a report that is refused.
 */
export async function runPingAction(
  conductor: Client<typeof ConductorService>,
  options: PingActionOptions,
): Promise<void> {
  const { vimId, actionId = vimId, signal } = options;
  const backoff = new Backoff(100, 2_000);
  // Greater than what an earlier process for the same action has sent, whose numbers began at an earlier time.
  let observation = BigInt(Date.now());
  let told: Verdict | undefined;
  let contactBy = 0;
  for (;;) {
    const verdict = await options.probe(signal);
    if (!told || verdict.status !== told.status || verdict.reason !== told.reason) {
      observation += 1n;
      told = verdict;
      contactBy = 0;
    }
    let pauseMs = options.intervalMs ?? INTERVAL_MS;
    if (Date.now() + pauseMs >= contactBy) {
      try {
        const { outcome, contactWithin, newestObservation } = await conductor.updateVim(
          {
            vimId,
            actionId,
            observation,
            status: verdict.status,
            reason: verdict.reason ?? "",
            detail: verdict.detail ?? "",
          },
          { timeoutMs: REPORT_LIMIT_MS, ...(signal && { signal }) },
        );
        if (outcome.case === "badAction") return;
        backoff.reset();
        const withinMs = Number(contactWithin?.seconds ?? 0n) * 1000 + (contactWithin?.nanos ?? 0) / 1e6;
        // Half of the time is left for a report that has to be sent again.
        contactBy = Date.now() + withinMs / 2;
        if (newestObservation >= observation) {
          observation = newestObservation + 1n;
          contactBy = 0;
        }
        pauseMs = Math.max(0, Math.min(pauseMs, contactBy - Date.now()));
      } catch (thrown) {
        signal?.throwIfAborted();
        const error = toVimeshError(thrown);
        // Only bad_action says that the action is not wanted; but a report that breaks a rule would break it again.
        if (!error.isPassing && !PASSING.has(error.code)) throw error;
        options.onLost?.(error);
        pauseMs = Math.min(pauseMs, backoff.next());
      }
    }
    await pause(pauseMs, signal);
  }
}
