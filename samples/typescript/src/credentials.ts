import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";

/** What a client shows to the front, and whom it trusts there; undefined for a file that is missing. */
export interface Credentials {
  readonly trusted: Buffer | undefined;
  readonly certificate: Buffer | undefined;
  readonly key: Buffer | undefined;
  /** A bearer token, such as a JWT. */
  readonly token: string;
}

const NAMES = ["ca.crt", "tls.crt", "tls.key", "token"] as const;
const ATTEMPTS = 3;

/** The files of a folder, as `vimesh certs` and Kubernetes write them. They may be replaced at any time. */
export class CredentialFolder {
  constructor(private readonly path: string) {}

  /** A value that changes whenever one of the files is replaced or written. */
  version(): string {
    return NAMES.map((name) => {
      const state = statSync(join(this.path, name), { bigint: true, throwIfNoEntry: false });
      return state ? `${state.ino}:${state.size}:${state.mtimeNs}` : "";
    }).join(" ");
  }

  /** Read the files as they are at one moment. Throws if they cannot be used. */
  read(): Credentials & { readonly version: string } {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const before = this.version();
      const [trusted, certificate, key, token] = NAMES.map((name) => this.content(name));
      if (this.version() !== before) continue;
      if (!trusted && !certificate && !token)
        throw new Error(`${this.path} holds none of ${NAMES.join(", ")}; vimesh certs issue makes them`);
      if (!certificate !== !key) throw new Error(`${this.path} needs tls.crt and tls.key, or neither of them`);
      // Files that TLS cannot use are said here; a connection would only fail.
      createSecureContext({ ca: trusted, cert: certificate, key });
      return { trusted, certificate, key, token: token?.toString("ascii").trim() ?? "", version: before };
    }
    throw new Error(`the files of ${this.path} are being replaced again and again`);
  }

  private content(name: string): Buffer | undefined {
    try {
      return readFileSync(join(this.path, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }
}
