import { useEffect, useRef, useState } from "preact/hooks";
import type { VimeshClient } from "vimesh-client";
import { useSession } from "../parts/app_context.js";
import { download } from "../parts/download.js";
import { T } from "../texts.js";
import { type CsvColumn, csvHead, csvLines } from "./csv.js";

/** As many as the fleet gives at once. */
const AT_ONCE = 1000;

interface ExportProps {
  readonly filter: string;
  readonly order: string;
  readonly columns: readonly CsvColumn[];
  readonly onFailure: (error: unknown) => void;
}

/** Writes all VIMs that match into a file, also those that were not loaded, with the columns that are shown. */
export function CsvExport({ filter, order, columns, onFailure }: ExportProps) {
  const { client } = useSession();
  const underWay = useRef<AbortController>(undefined);
  const [count, setCount] = useState<number>();
  // Another list, or another page, is not what was asked for.
  useEffect(() => () => stop(), [filter, order]);
  const stop = () => {
    underWay.current?.abort();
    underWay.current = undefined;
    setCount(undefined);
  };
  const run = async () => {
    if (underWay.current) return;
    const ended = new AbortController();
    underWay.current = ended;
    onFailure(undefined);
    setCount(0);
    try {
      const content = await fetchCsv(client, { filter, order, columns }, setCount, ended.signal);
      if (!ended.signal.aborted) download("vims.csv", content);
    } catch (error) {
      if (!ended.signal.aborted) onFailure(error);
    }
    if (!ended.signal.aborted) stop();
  };
  return (
    <>
      <button type="button" onClick={() => (count === undefined ? void run() : stop())}>
        {count === undefined ? T.list.export : T.list.stopExport}
      </button>
      {count !== undefined && <span role="status">{T.list.exported(count)}</span>}
    </>
  );
}

type Wanted = Pick<ExportProps, "filter" | "order" | "columns">;

/** Fetch all pages. Each becomes a part that the browser keeps where it likes, so that few VIMs are in memory at a time. */
async function fetchCsv(
  client: VimeshClient,
  { filter, order, columns }: Wanted,
  tell: (count: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const readMask = { paths: [...new Set(columns.flatMap(({ fields }) => fields))] };
  const parts = [new Blob([csvHead(columns)])];
  let [pageToken, count] = ["", 0];
  do {
    const request = { filter, orderBy: order, pageSize: AT_ONCE, pageToken, readMask };
    const page = await client.vims.listVims(request, { signal });
    parts.push(new Blob([csvLines(page.vims, columns)]));
    count += page.vims.length;
    tell(count);
    pageToken = page.nextPageToken;
  } while (pageToken && !signal.aborted);
  return new Blob(parts, { type: "text/csv" });
}
