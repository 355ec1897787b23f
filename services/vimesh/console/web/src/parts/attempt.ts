import { useRef } from "preact/hooks";
import { VimeshError } from "vimesh-client";

/** Names what is sent, so that the fleet does it once, however often its answer is lost. */
export interface Attempt {
  /** The request id to send. */
  id(): string;
  /** Say that an attempt failed. */
  failed(error: unknown): void;
}

/** Attempts to send these values have the same id until the values are others, or the fleet has refused them. */
export function useAttempt(values: unknown): Attempt {
  const named = useRef({ id: newRequestId(), values });
  return {
    id() {
      if (named.current.values !== values) named.current = { id: newRequestId(), values };
      return named.current.id;
    },
    failed(error) {
      // Whether the fleet has done it is not known if the answer was lost: then the same is asked for again.
      if (error instanceof VimeshError && error.reason && !error.isPassing) named.current = { id: newRequestId(), values };
    },
  };
}

/** A UUID of version 4: `crypto.randomUUID` is there for pages of https and of this machine alone. */
function newRequestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
