import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { T } from "../texts.js";
import { ErrorNotice } from "./notices.js";

interface DialogProps {
  readonly title: string;
  /** What was asked for is being done: until that ends, the dialog stays. */
  readonly isBusy: boolean;
  /** Called when the reader wants to leave while it is being done. */
  readonly onStop?: () => void;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** A question in front of the page. The browser keeps the focus in it, and Escape closes it. */
export function Dialog({ title, isBusy, onStop, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => element.current?.showModal(), []);
  const cancel = (event: Event) => {
    if (!isBusy) return;
    event.preventDefault();
    onStop?.();
  };
  // Browsers close a dialog at the second Escape, whatever it says to that.
  const close = () => (isBusy ? element.current?.showModal() : onClose());
  return (
    <dialog ref={element} aria-label={title} onCancel={cancel} onClose={close}>
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  readonly title: string;
  readonly why: string;
  readonly deed: string;
  /** What has to be typed first; without it, a click is enough. */
  readonly word?: string;
  readonly wordLabel?: string;
  readonly act: () => Promise<void>;
  readonly onClose: () => void;
}

/** Asks before something that cannot be undone, and says if it fails. */
export function Confirm({ title, why, deed, word, wordLabel, act, onClose }: ConfirmProps) {
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<unknown>();
  const [waits, setWaits] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setWaits(true);
    try {
      await act();
      onClose();
    } catch (thrown) {
      setError(thrown);
      setWaits(false);
    }
  };
  return (
    <Dialog title={title} isBusy={waits} onClose={onClose}>
      <form onSubmit={submit}>
        <p>{why}</p>
        {word !== undefined && (
          <label class="field">
            <span>{wordLabel}</span>
            <input value={typed} onInput={(event) => setTyped(event.currentTarget.value)} autocomplete="off" />
          </label>
        )}
        <ErrorNotice error={error} />
        <footer>
          <button type="button" disabled={waits} onClick={onClose}>
            {T.cancel}
          </button>
          <button type="submit" class="danger" disabled={waits || (word !== undefined && typed !== word)}>
            {deed}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
