import { useSession } from "../parts/app_context.js";
import { useAsked, useClock } from "../parts/changing.js";
import { address } from "../parts/route.js";
import { T } from "../texts.js";
import { CauseLink } from "./cause_link.js";
import { CAUSES_EVERY_MS, lengthOf } from "./causes_page.js";

const SHOWN = 5;

/** A line for each of the newest causes that last, for those who look at the whole fleet; nothing while there are none. */
export function OpenCauses() {
  const { client, live } = useSession();
  // Whether the fleet can be reached is said by the watch.
  const { answer } = useAsked((signal) => client.fleet.listCauses({ pageSize: SHOWN }, { signal }), [client], CAUSES_EVERY_MS);
  useClock(1_000);
  if (!answer?.causes.length) return null;
  return (
    <section class="notice bad causes" aria-label={T.pages.causes}>
      {answer.causes.map((cause) => (
        <p key={cause.id} data-cause={cause.id}>
          <CauseLink causeId={cause.id} kind={cause.kind} subject={cause.subject} />{" "}
          {T.causes.line(cause.affectedCount, cause.reason, lengthOf(cause, live.clock.now()))}
        </p>
      ))}
      <p>
        <a href={address("/causes")}>{T.causes.all}</a> {answer.nextPageToken && T.causes.more}
      </p>
    </section>
  );
}
