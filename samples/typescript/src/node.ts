import { randomUUID } from "node:crypto";
import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import type { ContextValues, Interceptor, StreamResponse, Transport, UnaryResponse } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { type ClientOptions, VimeshClient } from "./client.js";
import { CredentialFolder } from "./credentials.js";

export * from "./index.js";

export interface FrontOptions {
  /** A folder with `ca.crt`, `tls.crt` and `tls.key`, or `token`; without one, TLS is not used. */
  readonly credentials?: string | undefined;
  /** Called when new files cannot be used. Calls go on with the former ones. */
  readonly onBadCredentials?: (error: unknown) => void;
}

/** How often a call looks whether the files have changed. */
const LOOK_EVERY_MS = 1_000;
// A peer that vanishes silently is noticed within 30 s, even if only a watch is open.
const KEEPALIVE = { pingIntervalMs: 20_000, pingTimeoutMs: 10_000 };
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/**
 * gRPC to a front, with credentials that may be replaced at any time: then new calls go over a new connection, and the
 * former one is closed when its last call has ended. No call is lost, and no watch is cut short.
 */
export class FrontTransport implements Transport {
  private readonly folder: CredentialFolder | undefined;
  private readonly former = new Set<Generation>();
  private newest: Generation;
  private lookAt = Date.now() + LOOK_EVERY_MS;

  /** `address`: `host:port` of the front. Throws if the credentials cannot be used. */
  constructor(
    private readonly address: string,
    private readonly options: FrontOptions = {},
  ) {
    this.folder = options.credentials ? new CredentialFolder(options.credentials) : undefined;
    this.newest = this.open();
  }

  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: ContextValues,
  ): Promise<UnaryResponse<I, O>> {
    const generation = this.begin();
    try {
      return await generation.transport.unary(method, signal, timeoutMs, header, input, contextValues);
    } finally {
      this.end(generation);
    }
  }

  async stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: ContextValues,
  ): Promise<StreamResponse<I, O>> {
    const generation = this.begin();
    try {
      const response = await generation.transport.stream(method, signal, timeoutMs, header, input, contextValues);
      return { ...response, message: this.untilRead(response.message, generation) };
    } catch (error) {
      this.end(generation);
      throw error;
    }
  }

  /** Close all connections, and end the calls on them. */
  close(): void {
    for (const { connection } of [this.newest, ...this.former]) connection.abort();
  }

  private async *untilRead<T>(messages: AsyncIterable<T>, generation: Generation) {
    try {
      yield* messages;
    } finally {
      this.end(generation);
    }
  }

  private begin(): Generation {
    if (this.folder && Date.now() >= this.lookAt) this.renewIfChanged(this.folder);
    this.newest.calls += 1;
    return this.newest;
  }

  private end(generation: Generation): void {
    generation.calls -= 1;
    if (generation.calls === 0 && this.former.delete(generation)) generation.connection.abort();
  }

  private renewIfChanged(folder: CredentialFolder): void {
    this.lookAt = Date.now() + LOOK_EVERY_MS;
    const version = folder.version();
    if (version === this.newest.version) return;
    const former = this.newest;
    try {
      this.newest = this.open();
    } catch (error) {
      former.version = version; // so that this is said, and tried, once
      this.options.onBadCredentials?.(error);
      return;
    }
    if (former.calls > 0) this.former.add(former);
    else former.connection.abort();
  }

  private open(): Generation {
    if (!this.folder) return generationOf(new Http2SessionManager(`http://${this.address}`, KEEPALIVE), "", "");
    const { trusted, certificate, key, token, version } = this.folder.read();
    const tls = {
      ...(trusted && { ca: trusted }),
      ...(certificate && { cert: certificate }),
      ...(key && { key }),
    };
    return generationOf(new Http2SessionManager(`https://${this.address}`, KEEPALIVE, tls), token, version);
  }
}

interface Generation {
  readonly transport: Transport;
  readonly connection: Http2SessionManager;
  version: string;
  /** Calls that have not ended. */
  calls: number;
}

function generationOf(connection: Http2SessionManager, token: string, version: string): Generation {
  const showToken: Interceptor = (next) => (request) => {
    if (token) request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const transport = createGrpcTransport({
    baseUrl: connection.authority,
    sessionManager: connection,
    interceptors: [showToken],
    readMaxBytes: MAX_MESSAGE_BYTES,
    writeMaxBytes: MAX_MESSAGE_BYTES,
  });
  return { transport, connection, version, calls: 0 };
}

/** A client over a connection of its own. */
export class FrontClient extends VimeshClient {
  constructor(
    private readonly transport: FrontTransport,
    options: ClientOptions,
  ) {
    super(transport, options);
  }

  /** Close the connection. Node ends when nothing else is to be done. */
  close(): void {
    this.transport.close();
  }
}

/** Return a client of the front at `host:port`. The connection is made with the first call. */
export function connect(address: string, options: FrontOptions & ClientOptions = {}): FrontClient {
  return new FrontClient(new FrontTransport(address, options), { newRequestId: randomUUID, ...options });
}
