import type { PoolMonitor } from "vimesh-client/v1/fleet_service";
import { useSession } from "./app_context.js";
import { useAsked } from "./changing.js";
import { millis } from "./times.js";

const EVERY_MS = 10_000;

/** The living monitors of the pool; undefined while they are not known, and for readers who may not know them. */
export function useMonitors(isNeeded: boolean): readonly PoolMonitor[] | undefined {
  const session = useSession();
  const { client } = session;
  const mayAsk = isNeeded && session.may("FleetService/ListMonitors") && session.who?.allProjects === true;
  const { answer } = useAsked(
    async (signal) => {
      if (!mayAsk) return undefined;
      const { monitors, time } = await client.fleet.listMonitors({}, { signal });
      return monitors.filter(({ leaseTime }) => (millis(leaseTime) ?? 0) > (millis(time) ?? 0));
    },
    [client, mayAsk],
    mayAsk ? EVERY_MS : 0,
  );
  return answer;
}

/** A monitor as people know it: its machine and process id, or its id until the machine is known. */
export function monitorText({ monitorId, host, pid }: PoolMonitor): string {
  return host ? `${host} ${pid}` : monitorId;
}
