import { create } from "@bufbuild/protobuf";
import { useState } from "preact/hooks";
import { VimeshError } from "vimesh-client";
import { MaintenanceWindowSchema } from "vimesh-client/v1/maintenance_service";
import { useSession } from "../parts/app_context.js";
import { Dialog } from "../parts/dialog.js";
import { ErrorNotice } from "../parts/notices.js";
import { timestamp, writtenDuration } from "../parts/times.js";
import { T } from "../texts.js";

const FIELDS = [
  ["reason", T.maintenance.reason, ""],
  ["filter", T.maintenance.filter, T.maintenance.filterHint],
  ["start_time", T.maintenance.start, T.maintenance.startHint],
  ["duration", T.maintenance.duration, T.maintenance.durationHint],
  ["rrule", T.maintenance.rrule, T.maintenance.rruleHint],
] as const;

/** Plans a window. A rule follows the clocks of the reader. */
export function PlanWindow({ onClose }: { onClose: () => void }) {
  const { client } = useSession();
  const [values, setValues] = useState<Readonly<Record<string, string>>>({ duration: "1h" });
  const [faults, setFaults] = useState<ReadonlyMap<string, string>>(new Map());
  const [error, setError] = useState<unknown>();
  const [said, setSaid] = useState("");
  const send = async (validateOnly: boolean) => {
    setError(undefined);
    setSaid("");
    const text = (name: string) => values[name]?.trim() ?? "";
    const duration = writtenDuration(text("duration"));
    if (!duration) return setFaults(new Map([["duration", T.form.notDuration]]));
    const start = text("start_time") ? timestamp(new Date(text("start_time")).getTime()) : undefined;
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    const window = create(MaintenanceWindowSchema, {
      reason: text("reason"),
      filter: text("filter"),
      rrule: text("rrule"),
      duration,
      ...(start && { startTime: start }),
      ...(text("rrule") && { timeZone }),
    });
    try {
      const { vimCount } = await client.maintenance.createMaintenanceWindow({ window, validateOnly });
      setFaults(new Map());
      if (validateOnly) setSaid(T.maintenance.wouldCover(vimCount));
      else onClose();
    } catch (thrown) {
      const violations = thrown instanceof VimeshError ? thrown.violations : [];
      setFaults(new Map(violations.map(({ field, description }) => [field.replace(/^window\./, ""), description])));
      setError(thrown);
    }
  };
  return (
    <Dialog title={T.maintenance.create} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send(false);
        }}
      >
        {FIELDS.map(([name, label, hint]) => (
          <label key={name} class="field">
            <span>{label}</span>
            <input
              name={name}
              {...(name === "start_time" ? { type: "datetime-local" as const } : {})}
              autocomplete="off"
              aria-invalid={faults.has(name)}
              value={values[name] ?? ""}
              onInput={(event) => setValues({ ...values, [name]: event.currentTarget.value })}
            />
            {hint && <span class="hint">{hint}</span>}
            {faults.has(name) && <span class="field-error">{faults.get(name)}</span>}
          </label>
        ))}
        <ErrorNotice error={error} />
        {said && <p role="status">{said}</p>}
        <footer>
          <button type="button" onClick={onClose}>
            {T.cancel}
          </button>
          <button type="button" onClick={() => void send(true)}>
            {T.maintenance.check}
          </button>
          <button type="submit" class="primary">
            {T.maintenance.plan}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
