import { useState } from "preact/hooks";
import { Section, ErrorNotice } from "../parts/notices.js";
import { T } from "../texts.js";
import type { Session } from "./session.js";

export function SignIn({ session }: { session: Session }) {
  const [token, setToken] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    void session.signInWith(token);
  };
  return (
    <div class="narrow">
      <Section title={T.signIn.title}>
        <p>{T.signIn.why}</p>
        <ErrorNotice error={session.error} />
        {session.config.oidc && (
          <p>
            <button type="button" class="primary" onClick={() => void session.signInAtIssuer()}>
              {T.signIn.issuer}
            </button>{" "}
            {T.signIn.or}
          </p>
        )}
        <form onSubmit={submit}>
          <label class="field">
            <span>{T.signIn.token}</span>
            <input
              type="password"
              autocomplete="off"
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
              aria-describedby="token-hint"
            />
          </label>
          <p id="token-hint" class="hint">
            {T.signIn.tokenHint}
          </p>
          <button type="submit" class="primary" disabled={token.trim() === ""}>
            {T.signIn.go}
          </button>
        </form>
      </Section>
    </div>
  );
}
