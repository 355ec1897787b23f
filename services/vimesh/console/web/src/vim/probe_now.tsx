import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type VimeshClient, VimeshError } from "vimesh-client";
import type { ProbeResult } from "vimesh-client/v1/vim";
import { ColumnHeads } from "../parts/column_heads.js";
import { monitorText, useMonitors } from "../parts/monitors.js";
import { ErrorNotice, Scrolling, Section, StatusBadge } from "../parts/notices.js";
import { lengthText, millis, roundTripText, timeText } from "../parts/times.js";
import { T } from "../texts.js";
import { ProbeSteps } from "./probe_steps.js";
import { saidText } from "./quorum_text.js";

/** A probe that the reader has asked for, and what the newest one came to. */
export interface AskedProbe {
  readonly waits: boolean;
  readonly results: readonly ProbeResult[] | undefined;
  readonly error: unknown;
  /** The button that asks for one. */
  readonly button: RefObject<HTMLButtonElement | null>;
  /** Ask for one, unless one is under way. */
  readonly run: () => Promise<void>;
  /** Forget what was seen, and do not wait any longer. */
  readonly dismiss: () => void;
}

const NOTHING = { waits: false, results: undefined, error: undefined } as const;

/** Lets a VIM be probed now. A probe that is under way when the page is left is given up. */
export function useProbe(client: VimeshClient, vimId: string): AskedProbe {
  const [state, setState] = useState<Pick<AskedProbe, "waits" | "results" | "error">>(NOTHING);
  const underWay = useRef<AbortController>(undefined);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => () => underWay.current?.abort(), []);
  const run = async () => {
    if (underWay.current) return;
    const ended = new AbortController();
    underWay.current = ended;
    setState({ ...NOTHING, waits: true });
    let next: typeof state;
    try {
      const { probes } = await client.vims.probeVim({ vimId }, { signal: ended.signal });
      next = { ...NOTHING, results: probes };
    } catch (error) {
      next = { ...NOTHING, error };
    }
    if (ended.signal.aborted) return;
    underWay.current = undefined;
    setState(next);
  };
  const dismiss = () => {
    underWay.current?.abort();
    underWay.current = undefined;
    setState(NOTHING);
    // What had the focus is gone.
    button.current?.focus();
  };
  return { ...state, button, run, dismiss };
}

/** What a probe saw from each vantage, or why nothing was seen; nothing until one is asked for. */
export function ProbeResults({ probe }: { probe: AskedProbe }) {
  const { waits, results, error, dismiss } = probe;
  const monitors = useMonitors(results !== undefined);
  if (!waits && !results && error === undefined) return null;
  const why = whyText(error);
  const nameOf = (id: string) => {
    const monitor = monitors?.find(({ monitorId }) => monitorId === id);
    return monitor ? monitorText(monitor) : id;
  };
  const heads = [
    ...[T.views.vantage, T.columns.status, T.columns.reason, T.columns.roundTrip],
    ...[T.probe.monitor, T.vim.time, T.vim.explanation],
  ];
  const tools = (
    <button type="button" onClick={dismiss}>
      {waits ? T.cancel : T.close}
    </button>
  );
  return (
    <Section title={T.probe.title} tools={tools}>
      <p role="status">{waits ? T.probe.waits : results ? `${saidText(results)} ${T.probe.unwritten}` : ""}</p>
      <ErrorNotice error={error} />
      {why && <p class="hint">{why}</p>}
      {results && (
        <Scrolling label={T.probe.title}>
          <table>
            <thead>
              <tr>
                <ColumnHeads titles={heads} />
              </tr>
            </thead>
            <tbody>
              {results.map((result) => (
                <tr key={result.vantage} data-probe={result.vantage}>
                  <th scope="row">{result.vantage}</th>
                  <td>
                    <StatusBadge status={result.status} />
                  </td>
                  <td>{result.reason}</td>
                  <td>{result.roundTrip ? roundTripText(result.roundTrip) : ""}</td>
                  <td>{nameOf(result.monitorId)}</td>
                  <td>{result.time ? timeText(millis(result.time)) : ""}</td>
                  <td>{T.probe.why[result.reason] ?? result.detail}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolling>
      )}
      {results && <ProbeSteps results={results} />}
    </Section>
  );
}

/** What a reader may do about a probe that was not made. */
function whyText(error: unknown): string {
  if (!(error instanceof VimeshError)) return "";
  const why = T.probe.why[error.reason] ?? "";
  return error.retryAfterMs ? `${why} ${T.probe.again(lengthText(Math.ceil(error.retryAfterMs / 1000)))}` : why;
}
