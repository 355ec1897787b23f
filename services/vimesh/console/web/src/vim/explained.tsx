import { Code, VimeshError } from "vimesh-client";
import { useSession } from "../parts/app_context.js";
import { useAsked } from "../parts/changing.js";
import { ErrorNotice, Section } from "../parts/notices.js";
import { millis, timeText } from "../parts/times.js";
import { T } from "../texts.js";

const LOOK_EVERY_MS = 10_000;

/** Why a VIM reads what it reads, and what would change that, in the sentences of the fleet. `changes` counts changes of the VIM. */
export function Explained({ vimId, changes }: { vimId: string; changes: number }) {
  const { client } = useSession();
  const { answer, error, again } = useAsked(
    async (signal) => (await client.vims.explainVim({ vimId }, { signal })).explanation,
    [client, vimId, changes],
    LOOK_EVERY_MS,
  );
  // A fleet of an earlier release has no explanations.
  if (error instanceof VimeshError && error.code === Code.Unimplemented) return null;
  return (
    <Section title={T.explained.title}>
      <ErrorNotice error={error} again={again} />
      {!answer && error === undefined && <p>{T.loading}</p>}
      {answer && (
        <div data-explained={String(answer.revision)}>
          <p>
            <b>{answer.headline}</b>
          </p>
          <h3>{T.explained.next}</h3>
          <ul>
            {answer.next.map(({ sentence, command }) => (
              <li key={sentence}>
                {sentence} {command && <code>{command}</code>}
              </li>
            ))}
          </ul>
          <details>
            <summary>{T.explained.claims(answer.claims.length)}</summary>
            <ul>
              {answer.claims.map(({ sentence }) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
          </details>
          <p class="hint">{T.explained.asOf(timeText(millis(answer.asOf)))}</p>
        </div>
      )}
    </Section>
  );
}
