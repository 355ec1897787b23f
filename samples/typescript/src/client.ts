import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code, createClient, type Transport } from "@connectrpc/connect";
import { toVimeshError, VimeshError } from "./errors.js";
import { AccessService } from "./gen/vimesh/v1/access_service_pb.js";
import { AvailabilityService } from "./gen/vimesh/v1/availability_service_pb.js";
import { ConductorService } from "./gen/vimesh/v1/conductor_service_pb.js";
import { FleetService } from "./gen/vimesh/v1/fleet_service_pb.js";
import { HistoryService } from "./gen/vimesh/v1/history_service_pb.js";
import { MaintenanceService } from "./gen/vimesh/v1/maintenance_service_pb.js";
import { ReceiverService } from "./gen/vimesh/v1/receiver_service_pb.js";
import { type Vim, Vim_Status, VimEvent_Kind, type VimSchema } from "./gen/vimesh/v1/vim_pb.js";
import {
  type ListVimsRequestSchema,
  type ModifyVimRequestSchema,
  type RegisterVimRequestSchema,
  VimService,
} from "./gen/vimesh/v1/vim_service_pb.js";
import { type PingActionOptions, runPingAction } from "./ping_action.js";
import { type RetryOptions, RetryingTransport } from "./retries.js";
import { type WatchItem, type WatchOptions, watchVims } from "./watch.js";

export interface ClientOptions extends RetryOptions {
  /** Makes the request ids, which are UUIDs. */
  readonly newRequestId?: () => string;
}

export interface WaitOptions {
  /** How long to wait. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** A VIM did not become as awaited in time. */
export class WaitTimeout extends Error {
  override readonly name = "WaitTimeout";

  constructor(
    readonly vimId: string,
    /** The VIM as it was seen last, if it was seen at all. */
    readonly last: Vim | undefined,
    timeoutMs: number,
  ) {
    const status = last ? Vim_Status[last.status] : "not seen";
    super(`VIM ${vimId} is ${status} after ${timeoutMs / 1000} s`);
  }
}

/**
 * A client of a fleet. Its services make every call of the contract; what it adds are request ids, pages, watches and
 * waits. Calls are repeated as the contract allows: see RetryingTransport. They throw VimeshError.
 */
export class VimeshClient {
  readonly vims: Client<typeof VimService>;
  readonly conductor: Client<typeof ConductorService>;
  readonly access: Client<typeof AccessService>;
  readonly availability: Client<typeof AvailabilityService>;
  readonly fleet: Client<typeof FleetService>;
  readonly history: Client<typeof HistoryService>;
  readonly maintenance: Client<typeof MaintenanceService>;
  readonly receivers: Client<typeof ReceiverService>;
  private readonly newRequestId: () => string;

  constructor(transport: Transport, options: ClientOptions = {}) {
    const retrying = new RetryingTransport(transport, options);
    this.vims = createClient(VimService, retrying);
    this.conductor = createClient(ConductorService, retrying);
    this.access = createClient(AccessService, retrying);
    this.availability = createClient(AvailabilityService, retrying);
    this.fleet = createClient(FleetService, retrying);
    this.history = createClient(HistoryService, retrying);
    this.maintenance = createClient(MaintenanceService, retrying);
    this.receivers = createClient(ReceiverService, retrying);
    this.newRequestId = options.newRequestId ?? (() => globalThis.crypto.randomUUID());
  }

  /** Register a VIM; with a request id, so that a repeated attempt does not register it twice. */
  async register(
    vim: MessageInitShape<typeof VimSchema>,
    options: Omit<MessageInitShape<typeof RegisterVimRequestSchema>, "vim" | "$typeName"> = {},
  ): Promise<Vim> {
    const request = { requestId: this.newRequestId(), ...options, vim };
    return present((await this.vims.registerVim(request)).vim);
  }

  async get(vimId: string): Promise<Vim> {
    return present((await this.vims.getVim({ vimId })).vim);
  }

  /** Yield all VIMs that match, page by page. */
  async *list(
    request: Omit<MessageInitShape<typeof ListVimsRequestSchema>, "pageToken" | "$typeName"> = {},
  ): AsyncGenerator<Vim, void, undefined> {
    let pageToken = "";
    do {
      const page = await this.vims.listVims({ ...request, pageToken });
      yield* page.vims;
      pageToken = page.nextPageToken;
    } while (pageToken);
  }

  /** Change the fields of a VIM that are set, or that the mask names. See ModifyVim about etags. */
  async modify(
    vim: MessageInitShape<typeof VimSchema>,
    options: { readonly updateMask?: readonly string[]; readonly etag?: string } = {},
  ): Promise<Vim> {
    const request: MessageInitShape<typeof ModifyVimRequestSchema> = { vim, etag: options.etag ?? "" };
    if (options.updateMask) request.updateMask = { paths: [...options.updateMask] };
    return present((await this.vims.modifyVim(request)).vim);
  }

  /** Deregister a VIM. If a repeated attempt does not find it any more, an earlier one was carried out. */
  async deregister(vimId: string): Promise<void> {
    try {
      await this.vims.deregisterVim({ vimId });
    } catch (thrown) {
      const error = toVimeshError(thrown);
      if (error.reason !== "VIM_NOT_FOUND" || error.attempts === 1) throw error;
    }
  }

  /** Watch VIMs across disconnects. */
  watch(options: WatchOptions = {}): AsyncGenerator<WatchItem, never, undefined> {
    return watchVims(this.vims, options);
  }

  /**
   * Wait until a VIM has a status, or is as a function wants it; return it. Throws WaitTimeout, and VimeshError
   * (VIM_NOT_FOUND) if there is no such VIM, or no more.
   */
  async waitFor(vimId: string, wanted: Vim_Status | ((vim: Vim) => boolean), options: WaitOptions): Promise<Vim> {
    const isWanted = typeof wanted === "function" ? wanted : (vim: Vim) => vim.status === wanted;
    const late = AbortSignal.timeout(options.timeoutMs);
    const ended = new AbortController();
    const end = () => ended.abort(options.signal?.aborted ? options.signal.reason : late.reason);
    if (options.signal?.aborted) end();
    for (const signal of [late, options.signal]) signal?.addEventListener("abort", end, { once: true });
    let last: Vim | undefined;
    try {
      for await (const item of this.watch({ vimId, signal: ended.signal })) {
        if (item.kind === "vim") last = item.vim;
        // An event does not hold all of a VIM.
        else if (item.kind === "event" && item.event.kind !== VimEvent_Kind.DEREGISTERED)
          last = present((await this.vims.getVim({ vimId }, { signal: ended.signal })).vim);
        else if (item.kind === "event" || (item.kind === "position" && !last)) throw gone(vimId);
        else continue;
        if (isWanted(last)) return last;
      }
      throw gone(vimId); // a watch does not end
    } catch (thrown) {
      options.signal?.throwIfAborted();
      if (late.aborted) throw new WaitTimeout(vimId, last, options.timeoutMs);
      throw thrown;
    } finally {
      for (const signal of [late, options.signal]) signal?.removeEventListener("abort", end);
    }
  }

  /** Probe and report as the ping action of a VIM, until it is not wanted any more. */
  runPingAction(options: PingActionOptions): Promise<void> {
    return runPingAction(this.conductor, options);
  }
}

function present(vim: Vim | undefined): Vim {
  if (!vim) throw new VimeshError("the answer has no VIM", Code.Internal, "", {}, [], undefined, 1, undefined);
  return vim;
}

function gone(vimId: string): VimeshError {
  const metadata = { vim_id: vimId };
  return new VimeshError(`VIM ${vimId} does not exist`, Code.NotFound, "VIM_NOT_FOUND", metadata, [], undefined, 1, undefined);
}
