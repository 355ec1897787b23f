import type { ComponentChildren } from "preact";
import { Vim_Status, VimeshError } from "vimesh-client";
import { statusText, T } from "../texts.js";

/** What to say of anything that was thrown. */
export function errorText(error: unknown): string {
  if (error instanceof VimeshError) {
    if (!error.reason && error.isPassing) return T.errors.unreachable;
    return error.reason ? T.errors.withReason(error.message, error.reason) : error.message;
  }
  return error instanceof Error ? error.message : String(error);
}

/** An error as it is now, which screen readers say at once. */
export function ErrorNotice({ error, again }: { error: unknown; again?: () => void }) {
  if (error === undefined) return null;
  return (
    <p class="notice bad" role="alert">
      {errorText(error)}{" "}
      {again && (
        <button type="button" onClick={again}>
          {T.again}
        </button>
      )}
    </p>
  );
}

export function StatusBadge({ status, isStale }: { status: Vim_Status; isStale?: boolean }) {
  const title = isStale ? T.overview.staleCell : undefined;
  return (
    <span class={`badge ${statusText(status)}${isStale ? " stale" : ""}`} title={title}>
      {statusText(status)}
    </span>
  );
}

export function Section({ title, children, tools }: { title: string; children: ComponentChildren; tools?: ComponentChildren }) {
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {tools}
      </header>
      {children}
    </section>
  );
}

/** A wide table that scrolls by itself, also by the keyboard. */
export function Scrolling({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div class="scrolling" role="group" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
