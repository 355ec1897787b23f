import type { VimeshClient } from "vimesh-client";
import type { ChangeVimResult } from "vimesh-client/v1/vim_service";
import { useEffect, useRef, useState } from "preact/hooks";
import { useSession } from "../parts/app_context.js";
import { Dialog } from "../parts/dialog.js";
import { ErrorNotice } from "../parts/notices.js";
import { T } from "../texts.js";

/** As many as one call may change. */
const AT_ONCE = 50;

type Change = (vimIds: string[]) => Promise<{ results: ChangeVimResult[] }>;
type Tell = (results: readonly ChangeVimResult[]) => void;

/**
 * Do something to VIMs, in turns; each has a result of its own. They are named by ids, never by a filter: VIMs that begin to
 * match it while the reader decides were not agreed to. After the signal, the turn under way is the last.
 */
async function changeAll(ids: readonly string[], change: Change, tell: Tell, signal: AbortSignal): Promise<void> {
  for (let start = 0; start < ids.length && !signal.aborted; start += AT_ONCE)
    tell((await change(ids.slice(start, start + AT_ONCE))).results);
}

interface BulkProps {
  readonly ids: readonly string[];
  readonly onClose: (changed: boolean) => void;
}

/** What became of the VIMs so far. */
function useProgress(ids: readonly string[]) {
  const stopped = useRef(new AbortController());
  const [done, setDone] = useState(0);
  const [refused, setRefused] = useState<readonly ChangeVimResult[]>([]);
  const [error, setError] = useState<unknown>();
  const [state, setState] = useState<"asked" | "working" | "ended">("asked");
  const stop = () => stopped.current.abort();
  // Nothing goes on unseen: also not when the reader leaves for another page.
  useEffect(() => stop, []);
  const run = async (change: Change) => {
    setState("working");
    setError(undefined);
    const tell: Tell = (results) => {
      setDone((before) => before + results.length);
      setRefused((before) => [...before, ...results.filter((result) => result.refused)]);
    };
    try {
      await changeAll(ids, change, tell, stopped.current.signal);
    } catch (thrown) {
      setError(thrown);
    }
    setState("ended");
  };
  const view = (
    <>
      {state === "working" && <p role="status">{T.bulk.progress(done, ids.length)}</p>}
      {state === "ended" && <p role="status">{T.bulk.done(done - refused.length)}</p>}
      {refused.length > 0 && (
        <>
          <p>{T.bulk.refused(refused.length)}</p>
          <ul class="refused">
            {refused.map(({ vimId, name, refused: status }) => (
              <li key={vimId}>
                {name || vimId}: {status?.message}
              </li>
            ))}
          </ul>
        </>
      )}
      <ErrorNotice error={error} />
    </>
  );
  const isBusy = state === "working";
  return { run, stop, state, isBusy, view, changed: state !== "asked" };
}

export function DeregisterMany({ ids, onClose }: BulkProps) {
  const { client } = useSession();
  const [typed, setTyped] = useState("");
  const { run, stop, state, isBusy, view, changed } = useProgress(ids);
  const count = ids.length;
  const submit = (event: Event) => {
    event.preventDefault();
    void run((vimIds) => client.vims.deregisterVims({ vimIds }));
  };
  return (
    <Dialog title={T.bulk.deregisterTitle(count)} isBusy={isBusy} onStop={stop} onClose={() => onClose(changed)}>
      <form onSubmit={submit}>
        {state === "asked" && (
          <>
            <p>{T.bulk.deregisterWhy}</p>
            <label class="field">
              <span>{T.bulk.confirm(count)}</span>
              <input value={typed} inputMode="numeric" autocomplete="off" onInput={(event) => setTyped(event.currentTarget.value)} />
            </label>
          </>
        )}
        {view}
        <footer>
          <button type="button" onClick={() => (isBusy ? stop() : onClose(changed))}>
            {isBusy ? T.bulk.stop : state === "ended" ? T.close : T.cancel}
          </button>
          {state === "asked" && (
            <button type="submit" class="danger" disabled={typed.trim() !== String(count)}>
              {T.bulk.deregister}
            </button>
          )}
        </footer>
      </form>
    </Dialog>
  );
}

function labelChange(client: VimeshClient, key: string, value: string | undefined): Change {
  const labels = value === undefined ? {} : { [key]: value };
  const updateMask = { paths: [`labels.${key}`] };
  return (vimIds) => client.vims.modifyVims({ vimIds, vim: { labels }, updateMask });
}

export function LabelMany({ ids, onClose }: BulkProps) {
  const { client } = useSession();
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const [removes, setRemoves] = useState(false);
  const { run, stop, state, isBusy, view, changed } = useProgress(ids);
  const submit = (event: Event) => {
    event.preventDefault();
    void run(labelChange(client, key.trim(), removes ? undefined : value.trim()));
  };
  return (
    <Dialog title={T.bulk.labelTitle(ids.length)} isBusy={isBusy} onStop={stop} onClose={() => onClose(changed)}>
      <form onSubmit={submit}>
        {state === "asked" && (
          <>
            <label class="field">
              <span>{T.bulk.key}</span>
              <input value={key} autocomplete="off" onInput={(event) => setKey(event.currentTarget.value)} />
            </label>
            <label class="field">
              <span>{T.bulk.value}</span>
              <input value={value} disabled={removes} autocomplete="off" onInput={(event) => setValue(event.currentTarget.value)} />
            </label>
            <label class="check">
              <input type="checkbox" checked={removes} onChange={(event) => setRemoves(event.currentTarget.checked)} />
              {T.bulk.remove}
            </label>
          </>
        )}
        {view}
        <footer>
          <button type="button" onClick={() => (isBusy ? stop() : onClose(changed))}>
            {isBusy ? T.bulk.stop : state === "ended" ? T.close : T.cancel}
          </button>
          {state === "asked" && (
            <button type="submit" class="primary" disabled={key.trim() === ""}>
              {T.bulk.label}
            </button>
          )}
        </footer>
      </form>
    </Dialog>
  );
}
