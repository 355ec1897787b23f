import { useState } from "preact/hooks";
import { type MaintenanceWindow, MaintenanceWindow_State } from "vimesh-client/v1/maintenance_service";
import { useSession } from "../parts/app_context.js";
import { useAsked } from "../parts/changing.js";
import { ColumnHeads } from "../parts/column_heads.js";
import { Confirm } from "../parts/dialog.js";
import { firstPages } from "../parts/first_pages.js";
import { ErrorNotice, Scrolling, Section } from "../parts/notices.js";
import { address } from "../parts/route.js";
import { millis, timeText } from "../parts/times.js";
import { T, windowStateText } from "../texts.js";
import { PlanWindow } from "./plan_window.js";

const EVERY_MS = 15_000;

/** The windows of maintenance, and what ends and makes them. */
export function MaintenancePage() {
  const session = useSession();
  const { client } = session;
  const [ended, setEnded] = useState(false);
  const [ending, setEnding] = useState<MaintenanceWindow>();
  const [plans, setPlans] = useState(false);
  const { answer, error, again } = useAsked(
    (signal) =>
      firstPages(async (pageToken) => {
        const { windows, nextPageToken } = await client.maintenance.listMaintenanceWindows({ ended, pageToken }, { signal });
        return { rows: windows, nextPageToken };
      }),
    [client, ended],
    EVERY_MS,
  );
  const windows = answer?.rows ?? [];
  const tools = (
    <span class="tools">
      <label class="check">
        <input type="checkbox" checked={ended} onChange={(event) => setEnded(event.currentTarget.checked)} />
        {T.maintenance.ended}
      </label>
      {session.may("MaintenanceService/CreateMaintenanceWindow") && (
        <button type="button" onClick={() => setPlans(true)}>
          {T.maintenance.create}
        </button>
      )}
    </span>
  );
  return (
    <>
      <h1 class="hidden">{T.pages.maintenance}</h1>
      <Section title={T.pages.maintenance} tools={tools}>
        <ErrorNotice error={error} again={again} />
        {answer && windows.length === 0 && <p class="hint">{T.maintenance.none}</p>}
        {windows.length > 0 && <Windows windows={windows} onEnd={setEnding} />}
        {answer?.hasMore && <p class="hint">{T.moreNotShown}</p>}
      </Section>
      {plans && (
        <PlanWindow
          onClose={() => {
            setPlans(false);
            again();
          }}
        />
      )}
      {ending && (
        <Confirm
          title={T.maintenance.endTitle}
          why={`${ending.reason}. ${T.maintenance.endWhy}`}
          deed={T.maintenance.end}
          act={async () => {
            await client.maintenance.endMaintenanceWindow({ windowId: ending.id });
          }}
          onClose={() => {
            setEnding(undefined);
            again();
          }}
        />
      )}
    </>
  );
}

function Windows({ windows, onEnd }: { windows: readonly MaintenanceWindow[]; onEnd: (window: MaintenanceWindow) => void }) {
  const session = useSession();
  const mayEnd = session.may("MaintenanceService/EndMaintenanceWindow");
  return (
    <Scrolling label={T.pages.maintenance}>
      <table>
        <thead>
          <tr>
            <ColumnHeads titles={[T.maintenance.reason, T.maintenance.state, T.maintenance.when, T.maintenance.covers, T.maintenance.creator]} />
            {mayEnd && <td />}
          </tr>
        </thead>
        <tbody>
          {windows.map((window) => (
            <tr key={window.id}>
              <th scope="row">{window.reason}</th>
              <td>{windowStateText(window.state)}</td>
              <td>
                {whenText(window)} {window.rrule}
              </td>
              <td>
                {window.filter ? (
                  <a href={address("/vims", { filter: window.filter })}>{window.filter}</a>
                ) : (
                  T.maintenance.ids(window.vimIds.length)
                )}
              </td>
              <td>{window.creator}</td>
              {mayEnd && (
                <td>
                  {window.state !== MaintenanceWindow_State.ENDED && (
                    <button type="button" class="danger" onClick={() => onEnd(window)}>
                      {T.maintenance.end}
                    </button>
                  )}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolling>
  );
}

function whenText(window: MaintenanceWindow): string {
  const start = millis(window.occurrenceStartTime ?? window.startTime);
  const end = millis(window.occurrenceEndTime ?? window.endedTime ?? window.endTime);
  return T.maintenance.spanText(timeText(start), timeText(end));
}
