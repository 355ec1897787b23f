import { base, type ConsoleConfig } from "./console_config.js";

/** What is kept while the reader is at the issuer: no secret that is worth anything afterwards. */
interface Pending {
  readonly state: string;
  readonly verifier: string;
  readonly hash: string;
}

interface Metadata {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
}

/** A token, how long it lives, and what renews it. It is kept in memory alone. */
export interface Grant {
  readonly token: string;
  readonly lifeMs: number | undefined;
  readonly refreshToken: string | undefined;
}

/** The issuer did not do what it should; the message is for people. */
export class SignInError extends Error {
  override readonly name = "SignInError";
}

const PENDING = "vimesh.sign-in";
const LIMIT_MS = 10_000;
const EARLY_MS = 60_000;
const AGAIN_MS = 5_000;
const LEAST_PAUSE_MS = 50;
/** What timers of browsers can count. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

type Oidc = NonNullable<ConsoleConfig["oidc"]>;

/** Leave for the issuer, by authorization code with PKCE (RFC 7636). It sends the reader back to this page. */
export async function leaveForIssuer(oidc: Oidc): Promise<void> {
  const { authorization_endpoint } = await metadata(oidc);
  const pending: Pending = { state: random(), verifier: random(), hash: location.hash };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pending.verifier));
  const url = new URL(authorization_endpoint);
  for (const [name, value] of Object.entries({
    response_type: "code",
    client_id: oidc.client_id,
    redirect_uri: base().href,
    scope: (oidc.scopes ?? ["openid"]).join(" "),
    state: pending.state,
    code_challenge: base64url(new Uint8Array(challenge)),
    code_challenge_method: "S256",
  }))
    url.searchParams.set(name, value);
  location.assign(url);
}

/**
 * Return what the issuer has sent the reader back with; undefined if the page was opened in another way. The code leaves the
 * address at once. Throws SignInError.
 */
export async function returnedGrant(oidc: Oidc): Promise<Grant | undefined> {
  const answer = new URLSearchParams(location.search);
  if (!answer.has("state")) return undefined;
  const stored = sessionStorage.getItem(PENDING);
  if (stored === null) {
    // As after the page was loaded again, or an address that somebody kept.
    history.replaceState(null, "", base().href + location.hash);
    return undefined;
  }
  sessionStorage.removeItem(PENDING);
  const pending = JSON.parse(stored) as Pending;
  history.replaceState(null, "", base().href + pending.hash);
  if (answer.get("state") !== pending.state) throw new SignInError("the answer of the issuer is not to this page");
  const error = answer.get("error");
  if (error !== null) throw new SignInError(answer.get("error_description") ?? error);
  const iss = answer.get("iss");
  if (iss !== null && iss !== oidc.issuer) throw new SignInError("the answer comes from another issuer");
  return exchange(oidc, {
    grant_type: "authorization_code",
    code: answer.get("code") ?? "",
    redirect_uri: base().href,
    code_verifier: pending.verifier,
  });
}

/**
 * Give the token of a grant to `take`, and then each that renews it, until the signal, or until the last has ended and cannot
 * be renewed. Never throws: a token is good until its end, whatever the issuer says meanwhile.
 */
export async function keepRenewed(oidc: Oidc, grant: Grant, signal: AbortSignal, take: (token: string) => void): Promise<void> {
  let current = grant;
  while (!signal.aborted) {
    take(current.token);
    const { refreshToken, lifeMs } = current;
    if (refreshToken === undefined || lifeMs === undefined) return;
    const end = Date.now() + lifeMs;
    await passed(Math.max(lifeMs - EARLY_MS, (lifeMs * 2) / 3), signal);
    const renewed = await renewedBefore(end, oidc, refreshToken, signal);
    if (!renewed) return;
    // An issuer that sends no other refresh token means the same one (RFC 6749, section 6).
    current = { ...renewed, refreshToken: renewed.refreshToken ?? refreshToken };
  }
}

/** Renew a grant, at least once; if that fails, again until its end. Returns undefined if it came to nothing. */
async function renewedBefore(end: number, oidc: Oidc, refreshToken: string, signal: AbortSignal): Promise<Grant | undefined> {
  while (!signal.aborted) {
    try {
      return await exchange(oidc, { grant_type: "refresh_token", refresh_token: refreshToken });
    } catch {
      const left = end - Date.now();
      if (left <= 0) return undefined;
      await passed(Math.max(LEAST_PAUSE_MS, Math.min(AGAIN_MS, left / 4)), signal);
    }
  }
  return undefined;
}

/** Wait for a time, or for the signal. */
function passed(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(ms, LONGEST_TIMER_MS));
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}

async function exchange(oidc: Oidc, fields: Readonly<Record<string, string>>): Promise<Grant> {
  const { token_endpoint } = await metadata(oidc);
  const response = await fetch(token_endpoint, {
    method: "POST",
    body: new URLSearchParams({ ...fields, client_id: oidc.client_id }),
    credentials: "omit",
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  const { access_token: token, refresh_token: refresh, expires_in: lifeS } = answer;
  if (!response.ok || typeof token !== "string")
    throw new SignInError(String(answer["error_description"] ?? answer["error"] ?? `status ${response.status}`));
  const lifeMs = typeof lifeS === "number" ? lifeS * 1000 : undefined;
  return {
    token,
    lifeMs,
    refreshToken: typeof refresh === "string" ? refresh : undefined,
  };
}

async function metadata(oidc: Oidc): Promise<Metadata> {
  const url = `${oidc.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const response = await fetch(url, { credentials: "omit", signal: AbortSignal.timeout(LIMIT_MS) });
  if (!response.ok) throw new SignInError(`the issuer answers with status ${response.status}`);
  const found = (await response.json()) as Metadata;
  if (found.issuer !== oidc.issuer) throw new SignInError("the issuer calls itself by another name");
  return found;
}

function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
