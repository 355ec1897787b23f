const MOST_PAGES = 10;

export interface FirstPages<T> {
  readonly rows: readonly T[];
  /** Whether there are more than were fetched. */
  readonly hasMore: boolean;
}

/** Fetch what comes in pages, as far as people look through a table. */
export async function firstPages<T>(
  ask: (pageToken: string) => Promise<{ readonly rows: readonly T[]; readonly nextPageToken: string }>,
): Promise<FirstPages<T>> {
  const all: T[] = [];
  let token = "";
  for (let page = 0; page < MOST_PAGES; page++) {
    const { rows, nextPageToken } = await ask(token);
    all.push(...rows);
    token = nextPageToken;
    if (!token) break;
  }
  return { rows: all, hasMore: token !== "" };
}
