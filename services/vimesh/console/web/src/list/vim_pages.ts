import type { VimeshClient } from "vimesh-client";
import type { Vim } from "vimesh-client/v1/vim";
import { Changing } from "../parts/changing.js";

const PAGE_SIZE = 200;
/** As many as the fleet gives at once. */
const IDS_AT_ONCE = 1000;
/** What every row needs, whatever columns are shown. */
const ALWAYS = ["id", "name", "status", "reason", "status_time", "valid_until", "revision"];

/** The VIMs that match a filter, in an order, as far as their pages were fetched. */
export class VimPages extends Changing {
  readonly vims: Vim[] = [];
  error: unknown;
  isLoading = false;
  /** Whether all pages were fetched. */
  isWhole = false;
  /** Number of VIMs that match, once it is known. */
  total: number | undefined;
  private token = "";
  private readonly ended = new AbortController();

  constructor(
    private readonly client: VimeshClient,
    readonly filter: string,
    private readonly orderBy: string,
    private readonly fields: readonly string[],
  ) {
    super();
  }

  /** Fetch the first page, and how many there are. */
  async open(): Promise<void> {
    await Promise.all([this.more(), this.count()]);
  }

  /** Fetch the next page, unless one is on its way. */
  async more(): Promise<void> {
    if (this.isLoading || this.isWhole || this.error) return;
    this.isLoading = true;
    this.changed();
    try {
      const { vims, nextPageToken } = await this.client.vims.listVims(
        {
          filter: this.filter,
          orderBy: this.orderBy,
          pageSize: PAGE_SIZE,
          pageToken: this.token,
          readMask: { paths: [...new Set([...ALWAYS, ...this.fields])] },
        },
        { signal: this.ended.signal },
      );
      this.vims.push(...vims);
      this.token = nextPageToken;
      this.isWhole = nextPageToken === "";
    } catch (error) {
      if (!this.ended.signal.aborted) this.error = error;
    }
    this.isLoading = false;
    this.changed();
  }

  /** Try the page again that could not be fetched. */
  again(): void {
    this.error = undefined;
    void this.more();
  }

  /** Fetch the ids of all that match now. Throws VimeshError, also if this was closed meanwhile. */
  async ids(): Promise<readonly string[]> {
    const ids: string[] = [];
    let pageToken = "";
    do {
      const { vims, nextPageToken } = await this.client.vims.listVims(
        { filter: this.filter, pageSize: IDS_AT_ONCE, pageToken, readMask: { paths: ["id"] } },
        { signal: this.ended.signal },
      );
      for (const { id } of vims) ids.push(id);
      pageToken = nextPageToken;
    } while (pageToken);
    return ids;
  }

  get isClosed(): boolean {
    return this.ended.signal.aborted;
  }

  close(): void {
    this.ended.abort();
  }

  private async count(): Promise<void> {
    try {
      const { total } = await this.client.vims.summarizeVims({ filter: this.filter }, { signal: this.ended.signal });
      this.total = total?.total;
    } catch {
      // Some filters cannot be counted by, such as `flapping`; a mistake is told by the list.
    }
    this.changed();
  }
}
