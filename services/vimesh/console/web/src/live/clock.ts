/**
 * The clock of the database, as far as it is known: the later of this machine's clock and what the dates of changes prove. An
 * error makes statuses look stale too early, never too late.
 */
export class FleetClock {
  private ahead = 0;

  /** It was already this late there. */
  prove(time: number): void {
    this.ahead = Math.max(this.ahead, time - Date.now());
  }

  now(): number {
    return Date.now() + this.ahead;
  }
}
