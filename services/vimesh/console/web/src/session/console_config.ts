/** What the server of the console says about signing in. */
export interface ConsoleConfig {
  readonly oidc?: { readonly issuer: string; readonly client_id: string; readonly scopes?: readonly string[] } | null;
  readonly version?: string;
}

/** The address of the page, with `/` at its end. */
export function base(): URL {
  const url = new URL(".", location.href);
  url.hash = "";
  url.search = "";
  return url;
}

/** The front that the page is served by: whatever prefix it has, the console is one step below. */
export function front(): string {
  return new URL("../", base()).href.replace(/\/$/, "");
}

/** Read `config.json` beside the page; without one, nobody can sign in at an issuer, and all else works. */
export async function readConfig(): Promise<ConsoleConfig> {
  try {
    const response = await fetch(new URL("config.json", base()), { cache: "no-store" });
    const config: unknown = response.ok ? await response.json() : {};
    return typeof config === "object" && config !== null ? config : {};
  } catch {
    return {};
  }
}
