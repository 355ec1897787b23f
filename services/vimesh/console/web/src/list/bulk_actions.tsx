import type { VimeshClient } from "vimesh-client";
import type { ChangeVimResult } from "vimesh-client/v1/vim_service";
import { useState } from "preact/hooks";
import { useSession } from "../parts/app_context.js";
import { Dialog } from "../parts/dialog.js";
import { ErrorNotice } from "../parts/notices.js";
import { T } from "../texts.js";

/** Which VIMs are meant: those with these ids, or all that match. */
export type Selection =
  | { readonly ids: readonly string[] }
  | { readonly filter: string; readonly count: number };

/** As many as one call may change. */
const AT_ONCE = 50;

export function sizeOf(selection: Selection): number {
  return "ids" in selection ? selection.ids.length : selection.count;
}

/** The part of a selection that one call is about. */
interface Share {
  readonly vimIds: string[];
  readonly filter: string;
  readonly pageToken: string;
}

type Change = (share: Share) => Promise<{ results: ChangeVimResult[]; nextPageToken: string }>;

/** Do something to all of a selection, in turns; each VIM has a result of its own. */
async function changeAll(selection: Selection, change: Change, tell: (results: readonly ChangeVimResult[]) => void) {
  if ("ids" in selection) {
    for (let start = 0; start < selection.ids.length; start += AT_ONCE) {
      const vimIds = selection.ids.slice(start, start + AT_ONCE);
      tell((await change({ vimIds, filter: "", pageToken: "" })).results);
    }
    return;
  }
  let pageToken = "";
  do {
    const { results, nextPageToken } = await change({ vimIds: [], filter: selection.filter || 'name = "*"', pageToken });
    tell(results);
    pageToken = nextPageToken;
  } while (pageToken);
}

interface BulkProps {
  readonly selection: Selection;
  readonly onClose: (changed: boolean) => void;
}

/** What became of the VIMs so far. */
function useProgress(selection: Selection) {
  const [done, setDone] = useState(0);
  const [refused, setRefused] = useState<readonly ChangeVimResult[]>([]);
  const [error, setError] = useState<unknown>();
  const [state, setState] = useState<"asked" | "working" | "ended">("asked");
  const run = async (change: Change) => {
    setState("working");
    setError(undefined);
    try {
      await changeAll(selection, change, (results) => {
        setDone((before) => before + results.length);
        setRefused((before) => [...before, ...results.filter((result) => result.refused)]);
      });
    } catch (thrown) {
      setError(thrown);
    }
    setState("ended");
  };
  const view = (
    <>
      {state === "working" && <p role="status">{T.bulk.progress(done, sizeOf(selection))}</p>}
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
  return { run, state, view, changed: done > refused.length };
}

export function DeregisterMany({ selection, onClose }: BulkProps) {
  const { client } = useSession();
  const [typed, setTyped] = useState("");
  const { run, state, view, changed } = useProgress(selection);
  const count = sizeOf(selection);
  const submit = (event: Event) => {
    event.preventDefault();
    void run((share) => client.vims.deregisterVims(share));
  };
  return (
    <Dialog title={T.bulk.deregisterTitle(count)} onClose={() => onClose(changed)}>
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
          <button type="button" disabled={state === "working"} onClick={() => onClose(changed)}>
            {state === "ended" ? T.close : T.cancel}
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
  return (share) => client.vims.modifyVims({ ...share, vim: { labels }, updateMask });
}

export function LabelMany({ selection, onClose }: BulkProps) {
  const { client } = useSession();
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const [removes, setRemoves] = useState(false);
  const { run, state, view, changed } = useProgress(selection);
  const submit = (event: Event) => {
    event.preventDefault();
    void run(labelChange(client, key.trim(), removes ? undefined : value.trim()));
  };
  return (
    <Dialog title={T.bulk.labelTitle(sizeOf(selection))} onClose={() => onClose(changed)}>
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
          <button type="button" disabled={state === "working"} onClick={() => onClose(changed)}>
            {state === "ended" ? T.close : T.cancel}
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
