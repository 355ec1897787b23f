import { useEffect, useMemo, useState } from "preact/hooks";
import { Code, VimEvent_Kind, VimeshError } from "vimesh-client";
import type { PageProps } from "../pages.js";
import { useSession } from "../parts/app_context.js";
import { useChanging } from "../parts/changing.js";
import { ErrorNotice } from "../parts/notices.js";
import { go } from "../parts/route.js";
import { T } from "../texts.js";
import { DeregisterMany, LabelMany } from "./bulk_actions.js";
import { COLUMNS, storeColumns, storedColumns } from "./columns.js";
import { CsvExport } from "./csv_export.js";
import { FilterField } from "./filter_field.js";
import { VimPages } from "./vim_pages.js";
import { VimTable } from "./vim_table.js";

/** Changes after which a list may have other rows; if it asks for what is known of VIMs, so may it after any. */
const REARRANGING = new Set([VimEvent_Kind.REGISTERED, VimEvent_Kind.MODIFIED, VimEvent_Kind.DEREGISTERED]);
const ASKS_FOR_NEWS = /\b(?:status|reason|status_time|maintenance|flapping)\b/;
const USUAL_ORDER = "name";

/** The VIMs that match a filter. What is applied is in the address, so that it can be kept and sent to others. */
export function ListPage({ route }: PageProps) {
  const session = useSession();
  const filter = route.query.get("filter") ?? "";
  const order = route.query.get("order") ?? USUAL_ORDER;
  const [names, setNames] = useState(storedColumns);
  const [round, setRound] = useState(0);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [selecting, setSelecting] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const [dialog, setDialog] = useState<"deregister" | "label">();
  const [isOld, setIsOld] = useState(false);
  const columns = COLUMNS.filter(({ name }) => names.includes(name));
  const fields = columns.flatMap((column) => column.fields);
  const pages = useMemo(
    () => new VimPages(session.client, filter, order, fields),
    [session.client, filter, order, fields.join(), round],
  );
  useChanging(pages);
  useEffect(() => {
    void pages.open();
    setSelected(new Set());
    setSelecting(false);
    setFailure(undefined);
    setIsOld(false);
    return () => pages.close();
  }, [pages]);
  const isMoved = ASKS_FOR_NEWS.test(`${filter} ${order}`);
  useEffect(
    () => session.live.onChange(({ kind }) => (isMoved || REARRANGING.has(kind)) && setIsOld(true)),
    [session.live, pages, isMoved],
  );

  const apply = (query: { filter?: string; order?: string }) => {
    const next = { filter, order, ...query };
    go("/vims", { filter: next.filter, order: next.order === USUAL_ORDER ? "" : next.order });
    if (next.filter === filter && next.order === order) setRound(round + 1);
  };
  const isFilterError = pages.error instanceof VimeshError && pages.error.code === Code.InvalidArgument;
  const selectMatching = async () => {
    setSelecting(true);
    setFailure(undefined);
    try {
      const ids = await pages.ids();
      if (pages.isClosed) return;
      setSelected(new Set(ids));
    } catch (error) {
      if (pages.isClosed) return;
      setFailure(error);
    }
    setSelecting(false);
  };
  const mayChange = session.may("VimService/DeregisterVims") || session.may("VimService/ModifyVims");

  return (
    <div class="list">
      <h1 class="hidden">{T.pages.vims}</h1>
      <FilterField filter={filter} error={isFilterError ? pages.error : undefined} onApply={(next) => apply({ filter: next })} />
      {!isFilterError && <ErrorNotice error={pages.error} again={() => pages.again()} />}
      <ErrorNotice error={failure} />
      <div class="tools">
        <span role="status">{T.list.count(pages.vims.length, pages.total)}</span>
        <button type="button" onClick={() => setRound(round + 1)}>
          {T.list.refresh}
        </button>
        {isOld && <span class="hint">{T.list.changed}</span>}
        <ColumnChoice names={names} onChange={setNames} />
        <CsvExport filter={filter} order={order} columns={columns} onFailure={setFailure} />
        {selected.size > 0 && (
          <span class="selection">
            {T.list.selected(selected.size)}{" "}
            {pages.total !== undefined && selected.size === pages.vims.length && pages.total > selected.size && (
              <button type="button" disabled={selecting} onClick={() => void selectMatching()}>
                {T.list.selectMatching(pages.total)}
              </button>
            )}{" "}
            <button type="button" onClick={() => setSelected(new Set())}>
              {T.list.unselect}
            </button>{" "}
            {session.may("VimService/ModifyVims") && (
              <button type="button" onClick={() => setDialog("label")}>
                {T.list.label}
              </button>
            )}{" "}
            {session.may("VimService/DeregisterVims") && (
              <button type="button" class="danger" onClick={() => setDialog("deregister")}>
                {T.list.deregister}
              </button>
            )}
          </span>
        )}
      </div>
      <VimTable
        pages={pages}
        columns={columns}
        live={session.live}
        order={order}
        onOrder={(next) => apply({ order: next })}
        selected={selected}
        isSelectable={mayChange}
        onSelect={setSelected}
      />
      {dialog === "deregister" && <DeregisterMany ids={[...selected]} onClose={closed} />}
      {dialog === "label" && <LabelMany ids={[...selected]} onClose={closed} />}
    </div>
  );

  function closed(changed: boolean) {
    setDialog(undefined);
    if (changed) setRound(round + 1);
  }
}

function ColumnChoice({ names, onChange }: { names: readonly string[]; onChange: (names: readonly string[]) => void }) {
  const choose = (name: string, isShown: boolean) => {
    const next = COLUMNS.map((column) => column.name).filter((one) => (one === name ? isShown : names.includes(one)));
    if (next.length === 0) return;
    storeColumns(next);
    onChange(next);
  };
  return (
    <details class="choice">
      <summary>{T.list.columns}</summary>
      <fieldset>
        <legend class="hidden">{T.list.columns}</legend>
        {COLUMNS.map(({ name, title }) => (
          <label key={name} class="check">
            <input
              type="checkbox"
              checked={names.includes(name)}
              onChange={(event) => choose(name, event.currentTarget.checked)}
            />
            {title}
          </label>
        ))}
      </fieldset>
    </details>
  );
}
