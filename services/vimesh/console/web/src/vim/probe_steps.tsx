import type { ProbeEvidence } from "vimesh-client/v1/evidence";
import type { ProbeResult } from "vimesh-client/v1/vim";
import { ColumnHeads } from "../parts/column_heads.js";
import { Facts } from "../parts/facts.js";
import { Scrolling } from "../parts/notices.js";
import { roundTripText, timeText, millis } from "../parts/times.js";
import { conditionText, T } from "../texts.js";

/** Where the connections of a requested round came to, and what answered; nothing of pings, and of older monitors. */
export function ProbeSteps({ results }: { results: readonly ProbeResult[] }) {
  const seen = results.flatMap(({ vantage, evidence }) => (evidence?.attempts.length ? [{ vantage, evidence }] : []));
  if (seen.length === 0) return null;
  const heads = [T.views.vantage, T.steps.address, T.steps.begun, T.steps.connected, T.steps.encrypted, T.steps.firstByte, T.steps.answered, T.steps.failure];
  return (
    <>
      <Scrolling label={T.steps.title}>
        <table>
          <caption>{T.steps.title}</caption>
          <thead>
            <tr>
              <ColumnHeads titles={heads} />
            </tr>
          </thead>
          <tbody>
            {seen.flatMap(({ vantage, evidence }) =>
              evidence.attempts.map((attempt, at) => (
                <tr key={`${vantage} ${at}`} data-attempt={attempt.address}>
                  <th scope="row">{vantage}</th>
                  <td>{attempt.address}</td>
                  <td>{roundTripText(attempt.beginDelay)}</td>
                  <td>{roundTripText(attempt.connectTime)}</td>
                  <td>{roundTripText(attempt.tlsTime)}</td>
                  <td>{roundTripText(attempt.firstByteTime)}</td>
                  <td>{roundTripText(attempt.answerTime)}</td>
                  <td>{attempt.detail || attempt.reason}</td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      </Scrolling>
      {seen.map(({ vantage, evidence }) => (
        <Answer key={vantage} evidence={evidence} />
      ))}
    </>
  );
}

function Answer({ evidence }: { evidence: ProbeEvidence }) {
  const { httpStatus, headers, certificate, conditions } = evidence;
  return (
    <Facts
      facts={[
        [T.steps.httpStatus, httpStatus || ""],
        ...headers.map(({ name, value }) => [name, value] as const),
        ...conditions.map(({ type, status, message }) => [type, `${conditionText(status)} ${message}`] as const),
        [T.conditions.until, certificate?.notAfter ? timeText(millis(certificate.notAfter)) : ""],
      ]}
    />
  );
}
