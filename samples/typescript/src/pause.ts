/** Wait. Throws the reason of the signal if it is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Pauses that double up to a limit, each shortened at random so that clients do not come back together. */
export class Backoff {
  private ms: number;

  constructor(
    private readonly firstMs: number,
    private readonly longestMs: number,
  ) {
    this.ms = firstMs;
  }

  next(): number {
    const ms = this.ms * (0.5 + Math.random() / 2);
    this.ms = Math.min(this.ms * 2, this.longestMs);
    return ms;
  }

  reset(): void {
    this.ms = this.firstMs;
  }
}
