import { useEffect, useState } from "preact/hooks";

/** Something that components show, and that tells them when it has changed: at most once for each picture of the browser. */
export class Changing {
  private readonly listeners = new Set<() => void>();
  private waiting = false;

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Tell them with the next picture, however often this is called until then. */
  protected changed(): void {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      for (const listener of [...this.listeners]) listener();
    });
  }
}

/** Render the calling component again whenever the thing has changed. */
export function useChanging<T extends Changing>(thing: T): T {
  const [, again] = useState({});
  useEffect(() => {
    // It may have changed before this listens.
    again({});
    return thing.subscribe(() => again({}));
  }, [thing]);
  return thing;
}

/** Render the calling component again every so often: ages grow by themselves. */
export function useClock(everyMs: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** What a question came to: an answer, an error, or nothing yet. */
export interface Asked<T> {
  readonly answer: T | undefined;
  readonly error: unknown;
  readonly waits: boolean;
  readonly again: () => void;
}

/**
 * Ask when the component is shown, and whenever one of `reasons` is another one; what an earlier question brings is then
 * dropped. The last answer stays while a new one is awaited, or if that fails. With `everyMs`, ask so often, too. A page that
 * nobody sees asks once it is seen.
 */
export function useAsked<T>(ask: (signal: AbortSignal) => Promise<T>, reasons: readonly unknown[], everyMs = 0): Asked<T> {
  const [state, setState] = useState<Omit<Asked<T>, "again">>({ answer: undefined, error: undefined, waits: true });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      if (document.hidden) {
        document.addEventListener("visibilitychange", run, { once: true, signal: ended.signal });
        return;
      }
      setState((last) => ({ ...last, waits: true }));
      try {
        const answer = await ask(ended.signal);
        if (ended.signal.aborted) return;
        setState({ answer, error: undefined, waits: false });
      } catch (error) {
        if (ended.signal.aborted) return;
        setState((last) => ({ ...last, error, waits: false }));
      }
      if (everyMs) timer = setTimeout(run, everyMs);
    };
    void run();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [...reasons, round, everyMs]);
  return { ...state, again: () => setRound((last) => last + 1) };
}
