import { useEffect, useRef, useState } from "preact/hooks";
import { VimeshError } from "vimesh-client";
import { errorText } from "../parts/notices.js";
import { T } from "../texts.js";
import { type Completion, completions } from "./completion.js";

interface FilterProps {
  readonly filter: string;
  /** What the fleet said of the filter that is applied. */
  readonly error: unknown;
  readonly onApply: (filter: string) => void;
}

/** The language of filters, with what may come next, and the mistake that the fleet found, where it is. */
export function FilterField({ filter, error, onApply }: FilterProps) {
  const [text, setText] = useState(filter);
  const [offered, setOffered] = useState<readonly Completion[]>([]);
  const [chosen, setChosen] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => setText(filter), [filter]);

  const offer = () => {
    const element = input.current;
    if (!element) return;
    setOffered(completions(element.value, element.selectionStart ?? element.value.length));
    setChosen(-1);
  };
  const close = () => setOffered([]);
  const take = (completion: Completion) => {
    setText(completion.filter);
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(completion.cursor, completion.cursor);
      offer();
    });
  };
  const apply = (event: Event) => {
    event.preventDefault();
    close();
    onApply(text.trim());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const completion = offered[chosen];
    if (event.key === "Escape") close();
    else if ((event.key === "Enter" || event.key === "Tab") && completion) {
      event.preventDefault();
      take(completion);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (offered.length === 0) return offer();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setChosen((chosen + step + offered.length + (chosen < 0 && step < 0 ? 1 : 0)) % offered.length);
    }
  };
  const found = error instanceof VimeshError && text.trim() === filter ? error : undefined;
  const position = found?.metadata["position"];

  return (
    <form class="filter" role="search" onSubmit={apply}>
      <label for="filter">{T.list.filter}</label>
      <div class="combobox">
        <input
          id="filter"
          ref={input}
          role="combobox"
          spellcheck={false}
          autocomplete="off"
          aria-expanded={offered.length > 0}
          aria-controls="filter-suggestions"
          aria-autocomplete="list"
          aria-activedescendant={offered[chosen] ? `suggestion-${chosen}` : undefined}
          aria-invalid={found !== undefined}
          aria-describedby={found ? "filter-error" : "filter-hint"}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            offer();
          }}
          onKeyDown={onKeyDown}
          onBlur={close}
        />
        <ul id="filter-suggestions" role="listbox" aria-label={T.list.suggestions} hidden={offered.length === 0}>
          {offered.map((completion, index) => (
            <li
              key={completion.word}
              id={`suggestion-${index}`}
              role="option"
              aria-selected={index === chosen}
              onMouseDown={(event) => {
                event.preventDefault();
                take(completion);
              }}
            >
              {completion.word}
            </li>
          ))}
        </ul>
      </div>
      <button type="submit">{T.list.apply}</button>
      <button type="button" disabled={text === "" && filter === ""} onClick={() => onApply("")}>
        {T.list.clear}
      </button>
      {found ? (
        <p id="filter-error" class="field-error" role="alert">
          {position !== undefined && <pre>{`${filter}\n${" ".repeat(Number(position))}^`}</pre>}
          {errorText(found)} {position !== undefined && T.list.character(Number(position))}
        </p>
      ) : (
        <p id="filter-hint" class="hint">
          {T.list.filterHint}
        </p>
      )}
    </form>
  );
}
