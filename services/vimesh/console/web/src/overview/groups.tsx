import { useState } from "preact/hooks";
import type { VimGroup } from "vimesh-client/v1/vim_service";
import type { LiveFleet } from "../live/live_fleet.js";
import { useSession } from "../parts/app_context.js";
import { useAsked } from "../parts/changing.js";
import { ErrorNotice, Scrolling, Section } from "../parts/notices.js";
import { address } from "../parts/route.js";
import { NUMBER, T } from "../texts.js";

const FIELDS = [
  ["type", T.overview.byType],
  ["reason", T.overview.byReason],
  ["engine", T.overview.byEngine],
  ["project_id", T.overview.byProject],
  ["labels", T.overview.byLabel],
] as const;
/** The fleet counts these over all VIMs: not more often than people can read. */
const EVERY_MS = 5_000;
const SHOWN = 12;
const LABELS_LOOKED_AT = 200;

/** Counts by status of VIMs that have something in common, as the fleet adds them up. */
export function Groups({ live }: { live: LiveFleet }) {
  const { client } = useSession();
  const [field, setField] = useState("type");
  const [label, setLabel] = useState("");
  const by = field === "labels" ? label && `labels.${label}` : field;
  const { answer, error } = useAsked(
    async (signal) => (by ? client.vims.summarizeVims({ groupBy: [by] }, { signal }) : undefined),
    [client, by, live.isComplete && live.cells.size > 0],
    EVERY_MS,
  );
  const keys = useAsked(
    async (signal) => {
      if (field !== "labels") return [];
      const mask = { readMask: { paths: ["labels"] }, pageSize: LABELS_LOOKED_AT };
      const { vims } = await client.vims.listVims(mask, { signal });
      const found = [...new Set(vims.flatMap(({ labels }) => Object.keys(labels)))].sort();
      setLabel((chosen) => chosen || (found[0] ?? ""));
      return found;
    },
    [client, field],
  );
  const tools = (
    <span class="tools">
      <label>
        <span class="hidden">{T.overview.groupBy}</span>
        <select value={field} onChange={(event) => setField(event.currentTarget.value)}>
          {FIELDS.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      {field === "labels" && (
        <label>
          <span class="hidden">{T.overview.labelKey}</span>
          <input list="label-keys" value={label} onChange={(event) => setLabel(event.currentTarget.value.trim())} />
          <datalist id="label-keys">
            {keys.answer?.map((key) => (
              <option key={key} value={key} />
            ))}
          </datalist>
        </label>
      )}
    </span>
  );
  return (
    <Section title={T.overview.groups} tools={tools}>
      <ErrorNotice error={error} />
      {answer && by && (
        <Scrolling label={T.overview.groups}>
          <table class="numbers">
            <thead>
              <tr>
                <th scope="col">{field === "labels" ? label : FIELDS.find(([value]) => value === field)?.[1]}</th>
                <th scope="col">{T.overview.all}</th>
                {(["unreachable", "unknown", "pending", "reachable"] as const).map((status) => (
                  <th key={status} scope="col">
                    {status}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {answer.groups.slice(0, SHOWN).map((group) => (
                <GroupRow key={group.values[0]?.value ?? "\0"} by={by} group={group} />
              ))}
            </tbody>
          </table>
        </Scrolling>
      )}
      {answer && answer.groups.length + answer.omittedGroups > SHOWN && (
        <p class="hint">{T.overview.other(answer.groups.length + answer.omittedGroups - SHOWN)}</p>
      )}
    </Section>
  );
}

function GroupRow({ by, group }: { by: string; group: VimGroup }) {
  const { counts, values } = group;
  const value = values[0]?.value;
  const isLabel = by.startsWith("labels.");
  const filter =
    value === undefined ? `NOT ${by}:*` : value === "" && !isLabel ? `NOT ${by}:*` : `${by} = ${JSON.stringify(value)}`;
  return (
    <tr>
      <th scope="row">
        <a href={address("/vims", { filter })}>{value === undefined ? T.overview.withoutLabel : value || "–"}</a>
      </th>
      <td>{NUMBER.format(counts?.total ?? 0)}</td>
      {(["unreachable", "unknown", "pending", "reachable"] as const).map((status) => (
        <td key={status} class={counts?.[status] ? status : "nought"}>
          {NUMBER.format(counts?.[status] ?? 0)}
        </td>
      ))}
    </tr>
  );
}
