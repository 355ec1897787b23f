import { useState } from "preact/hooks";
import type { Receiver } from "vimesh-client/v1/receiver_service";
import { useSession } from "../parts/app_context.js";
import { useAsked } from "../parts/changing.js";
import { ColumnHeads } from "../parts/column_heads.js";
import { firstPages } from "../parts/first_pages.js";
import { ErrorNotice, Scrolling, Section } from "../parts/notices.js";
import { address } from "../parts/route.js";
import { millis, timeText } from "../parts/times.js";
import { NUMBER, T } from "../texts.js";

const EVERY_MS = 10_000;

/** Who is told when VIMs are lost and found, and whether that works. */
export function ReceiversPage() {
  const session = useSession();
  const { client } = session;
  const { answer, error, again } = useAsked(
    (signal) =>
      firstPages(async (pageToken) => {
        const { receivers, nextPageToken } = await client.receivers.listReceivers({ pageToken }, { signal });
        return { rows: receivers, nextPageToken };
      }),
    [client],
    EVERY_MS,
  );
  const [failure, setFailure] = useState<unknown>();
  const [said, setSaid] = useState("");
  const test = async (receiver: Receiver) => {
    setFailure(undefined);
    setSaid("");
    try {
      await client.receivers.testReceiver({ receiverId: receiver.id });
      setSaid(`${receiver.name}: ${T.receivers.tested}`);
      again();
    } catch (thrown) {
      setFailure(thrown);
    }
  };
  const mayTest = session.may("ReceiverService/TestReceiver");
  const heads = [
    ...[T.receivers.name, T.receivers.kind, T.receivers.state, T.receivers.filter, T.receivers.last],
    ...[T.receivers.dead, T.receivers.waiting, T.receivers.error],
  ];
  return (
    <>
      <h1 class="hidden">{T.pages.receivers}</h1>
      <Section title={T.pages.receivers}>
        <ErrorNotice error={failure ?? error} again={again} />
        {said && <p role="status">{said}</p>}
        {answer?.rows.length === 0 && <p class="hint">{T.receivers.none}</p>}
        {answer && answer.rows.length > 0 && (
          <Scrolling label={T.pages.receivers}>
            <table>
              <thead>
                <tr>
                  <ColumnHeads titles={heads} />
                  {mayTest && <td />}
                </tr>
              </thead>
              <tbody>
                {answer.rows.map((receiver) => (
                  <tr key={receiver.id}>
                    <th scope="row">{receiver.name}</th>
                    <td>{kindOf(receiver)}</td>
                    <td>{receiver.disabled ? receiver.disabledReason || T.receivers.disabled : T.receivers.working}</td>
                    <td>
                      {receiver.filter ? (
                        <a href={address("/vims", { filter: receiver.filter })}>{receiver.filter}</a>
                      ) : (
                        T.receivers.all
                      )}
                    </td>
                    <td>{timeText(millis(receiver.lastDeliveryTime))}</td>
                    <td class={receiver.deadCount ? "bad" : ""}>{NUMBER.format(receiver.deadCount)}</td>
                    <td>{timeText(millis(receiver.pendingSince))}</td>
                    <td>
                      {receiver.lastError && `${timeText(millis(receiver.lastErrorTime))}: ${receiver.lastError}`}
                    </td>
                    {mayTest && (
                      <td>
                        <button type="button" disabled={receiver.disabled} onClick={() => void test(receiver)}>
                          {T.receivers.test}
                        </button>
                      </td>
                    )}
                  </tr>
                ))}
              </tbody>
            </table>
          </Scrolling>
        )}
        {answer?.hasMore && <p class="hint">{T.moreNotShown}</p>}
      </Section>
    </>
  );
}

/** Such as `cloud events`. */
function kindOf({ target }: Receiver): string {
  return (target.case ?? "").replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
