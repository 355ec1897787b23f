import type { Certificate, Condition } from "vimesh-client/v1/condition";
import { Condition_Status } from "vimesh-client/v1/condition";
import type { Vim } from "vimesh-client/v1/vim";
import { useSession } from "../parts/app_context.js";
import { useClock } from "../parts/changing.js";
import { ColumnHeads } from "../parts/column_heads.js";
import { Facts } from "../parts/facts.js";
import { Scrolling, Section } from "../parts/notices.js";
import { lengthText, millis, timeText } from "../parts/times.js";
import { conditionText, T } from "../texts.js";

/** What is true of a VIM besides its status, and its certificate; nothing of a VIM of which nothing was reported. */
export function Conditions({ vim }: { vim: Vim }) {
  const { live } = useSession();
  useClock(1_000);
  const { conditions, certificate } = vim;
  const now = live.clock.now();
  return (
    <>
      {conditions.length > 0 && (
        <Section title={T.conditions.title}>
          <Scrolling label={T.conditions.title}>
            <table>
              <thead>
                <tr>
                  <ColumnHeads titles={[T.conditions.condition, T.conditions.holds, T.columns.reason, T.vim.explanation, T.columns.since]} />
                </tr>
              </thead>
              <tbody>
                {conditions.map((one) => (
                  <Row key={one.type} condition={one} now={now} />
                ))}
              </tbody>
            </table>
          </Scrolling>
        </Section>
      )}
      {certificate && <Shown certificate={certificate} now={now} />}
    </>
  );
}

function Row({ condition, now }: { condition: Condition; now: number }) {
  const since = millis(condition.transitionTime);
  return (
    <tr data-condition={condition.type}>
      <th scope="row">{condition.type}</th>
      <td class={condition.status === Condition_Status.FALSE ? "bad" : ""}>{conditionText(condition.status)}</td>
      <td>{condition.reason}</td>
      <td>{condition.message}</td>
      <td>{since !== undefined && <time title={timeText(since)}>{lengthText((now - since) / 1000)}</time>}</td>
    </tr>
  );
}

function Shown({ certificate, now }: { certificate: Certificate; now: number }) {
  const { verified, verifyError } = certificate;
  const end = millis(certificate.notAfter);
  return (
    <Section title={T.conditions.certificate}>
      <Facts
        facts={[
          [T.conditions.subject, certificate.subject],
          [T.conditions.issuer, certificate.issuer],
          [T.conditions.names, certificate.names.join(", ")],
          [T.conditions.from, timeText(millis(certificate.notBefore))],
          [
            T.conditions.until,
            end !== undefined && (
              <span class={end <= now ? "bad" : ""}>
                {timeText(end)} {end > now ? T.conditions.left(lengthText((end - now) / 1000)) : T.conditions.ended}
              </span>
            ),
          ],
          [T.conditions.verified, verified === undefined ? T.conditions.nobodyLooked : verified ? "✓" : verifyError || "–"],
          [T.conditions.fingerprint, certificate.sha256],
        ]}
      />
    </Section>
  );
}
