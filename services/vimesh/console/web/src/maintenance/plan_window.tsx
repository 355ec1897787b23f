import { create } from "@bufbuild/protobuf";
import { useRef, useState } from "preact/hooks";
import { VimeshError } from "vimesh-client";
import { MaintenanceWindowSchema } from "vimesh-client/v1/maintenance_service";
import { useSession } from "../parts/app_context.js";
import { useAttempt } from "../parts/attempt.js";
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
  const [isBusy, setIsBusy] = useState(false);
  const attempt = useAttempt(values);
  const isSending = useRef(false);
  const send = async (validateOnly: boolean) => {
    // Two clicks of one moment come before the buttons are disabled.
    if (isSending.current) return;
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
    isSending.current = true;
    setIsBusy(true);
    try {
      const requestId = validateOnly ? "" : attempt.id();
      const { vimCount } = await client.maintenance.createMaintenanceWindow({ window, validateOnly, requestId });
      setFaults(new Map());
      if (validateOnly) setSaid(T.maintenance.wouldCover(vimCount));
      else onClose();
    } catch (thrown) {
      const violations = thrown instanceof VimeshError ? thrown.violations : [];
      setFaults(new Map(violations.map(({ field, description }) => [field.replace(/^window\./, ""), description])));
      setError(thrown);
      if (!validateOnly) attempt.failed(thrown);
    } finally {
      isSending.current = false;
      setIsBusy(false);
    }
  };
  return (
    <Dialog title={T.maintenance.create} isBusy={isBusy} onClose={onClose}>
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
          <button type="button" disabled={isBusy} onClick={onClose}>
            {T.cancel}
          </button>
          <button type="button" disabled={isBusy} onClick={() => void send(true)}>
            {T.maintenance.check}
          </button>
          <button type="submit" class="primary" disabled={isBusy}>
            {T.maintenance.plan}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
