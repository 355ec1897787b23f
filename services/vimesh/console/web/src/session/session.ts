import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { VimeshClient, VimeshError } from "vimesh-client";
import type { WhoAmIResponse } from "vimesh-client/v1/access_service";
import { LiveFleet } from "../live/live_fleet.js";
import { Changing } from "../parts/changing.js";
import { T } from "../texts.js";
import { front, type ConsoleConfig } from "./console_config.js";
import { keepRenewed, leaveForIssuer, returnedGrant, SignInError } from "./issuer.js";

const AGAIN_MS = 2_000;

/** Who the reader is to the fleet, and the client that calls as that. A token lives here and nowhere else. */
export class Session extends Changing {
  readonly client: VimeshClient;
  /** A new one for whoever signs in: what one may see is not for another. */
  live: LiveFleet;
  who: WhoAmIResponse | undefined;
  /** The fleet wants to know who calls, and does not. */
  mustSignIn = false;
  /** What went wrong last, of signing in or of reaching the fleet. */
  error: unknown;
  private token = "";
  private ended = new AbortController();
  private renewal = new AbortController();

  constructor(readonly config: ConsoleConfig) {
    super();
    const showToken: Interceptor = (next) => async (request) => {
      const { token } = this;
      if (token) request.header.set("authorization", `Bearer ${token}`);
      try {
        return await next(request);
      } catch (error) {
        const isRefused = error instanceof ConnectError && error.code === Code.Unauthenticated;
        // Whoever never was let in is told why, by `enter`.
        if (isRefused && token && token === this.token && this.who) this.expire(new SignInError(T.signIn.ended));
        throw error;
      }
    };
    this.client = new VimeshClient(createGrpcWebTransport({ baseUrl: front(), interceptors: [showToken] }));
    this.live = new LiveFleet(this.client);
  }

  /** Whether the roles of the reader allow an RPC, such as `VimService/RegisterVim`. */
  may(rpc: string): boolean {
    return this.who?.rpcs.includes(`vimesh.v1.${rpc}`) ?? false;
  }

  get hasToken(): boolean {
    return this.token !== "";
  }

  async start(): Promise<void> {
    try {
      const grant = this.config.oidc && (await returnedGrant(this.config.oidc));
      if (this.config.oidc && grant) {
        const take = (token: string) => void (this.token = token);
        void keepRenewed(this.config.oidc, grant, this.renewal.signal, take);
      }
    } catch (error) {
      this.error = error;
      this.mustSignIn = true;
      this.changed();
      return;
    }
    await this.enter();
  }

  async signInAtIssuer(): Promise<void> {
    try {
      if (this.config.oidc) await leaveForIssuer(this.config.oidc);
    } catch (error) {
      this.error = error;
      this.changed();
    }
  }

  async signInWith(token: string): Promise<void> {
    this.forget();
    this.token = token.trim();
    await this.enter();
  }

  signOut(): void {
    this.forget();
    void this.enter();
  }

  /** The fleet refused a call because nobody was proved: a token may have ended. */
  private expire(error: unknown): void {
    this.error = error;
    this.mustSignIn = true;
    this.forget();
  }

  private forget(): void {
    this.ended.abort();
    this.renewal.abort();
    this.renewal = new AbortController();
    this.token = "";
    this.who = undefined;
    this.live = new LiveFleet(this.client);
    this.changed();
  }

  /** Ask the fleet who the reader is, until it answers; then follow it. */
  private async enter(): Promise<void> {
    this.ended.abort();
    const ended = new AbortController();
    this.ended = ended;
    this.mustSignIn = false;
    while (!ended.signal.aborted) {
      try {
        this.who = await this.client.access.whoAmI({}, { signal: ended.signal });
        this.error = undefined;
        this.changed();
        return await this.follow(ended.signal);
      } catch (error) {
        if (ended.signal.aborted) return;
        if (error instanceof VimeshError && error.code === Code.Unauthenticated) {
          const hadToken = this.hasToken;
          return this.expire(hadToken ? error : undefined);
        }
        this.error = error;
        this.changed();
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  private async follow(signal: AbortSignal): Promise<void> {
    if (this.may("VimService/WatchVims")) await this.live.follow(signal);
  }
}
