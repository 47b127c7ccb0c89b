/**
 * The query field: coloured as it is read, completes fields and values, counts what it finds, and underlines
 * the place that cannot be read. The colours stand on a layer behind the input's transparent text.
 */
import { createMemo, createSignal, createUniqueId, For, Show } from "solid-js";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { Status } from "@/components/Status";
import { tagColor } from "@/components/Tags";
import type { ParsedQuery, Token } from "@/query/query";
import { tokenize } from "@/query/query";
import type { Suggestion, SuggestionGroup } from "@/query/suggest";

export function Highlighted(props: {
  tokens: readonly Token[];
  error?: { start: number; end: number } | undefined;
}) {
  return (
    <For each={props.tokens}>
      {(token) => {
        const bad = () =>
          props.error && token.start < props.error.end && token.start + token.text.length > props.error.start;
        return (
          <span classList={{ "q-err": Boolean(bad()) && token.kind !== "space" }}>
            <Show
              when={token.parts}
              fallback={
                <span class={token.kind === "op" || token.kind === "paren" ? "q-o" : undefined}>
                  {token.text}
                </span>
              }
            >
              {(parts) => (
                <span class="q-t">
                  <span class="q-o">{parts().minus}</span>
                  <span class="q-f">
                    {token.text.slice(parts().minus.length, parts().minus.length + parts().field.length)}
                  </span>
                  <span class="q-o">{parts().op}</span>
                  <span>{parts().value}</span>
                </span>
              )}
            </Show>
          </span>
        );
      }}
    </For>
  );
}

export function QueryField(props: {
  value: string;
  onInput: (text: string) => void;
  onCommit: () => void;
  parsed: Pick<ParsedQuery, "tokens" | "error">;
  found: number;
  total: number;
  what: string;
  example?: string;
  suggestions: (text: string, caret: number) => SuggestionGroup[];
  ref?: (el: HTMLInputElement) => void;
  onForget?: (query: string) => void;
}) {
  const id = createUniqueId();
  const [focused, setFocused] = createSignal(false);
  const [dismissed, setDismissed] = createSignal(false);
  const [caret, setCaret] = createSignal(0);
  const [active, setActive] = createSignal(-1);
  const [scroll, setScroll] = createSignal(0);
  let input: HTMLInputElement | undefined;

  const groups = createMemo(() => (focused() && !dismissed() ? props.suggestions(props.value, caret()) : []));
  const flat = createMemo(() => groups().flatMap((group) => group.items));
  const open = () => groups().length > 0;

  const track = () => {
    setCaret(input?.selectionStart ?? 0);
    setScroll(input?.scrollLeft ?? 0);
  };
  const changed = (text: string) => {
    setDismissed(false);
    setActive(-1);
    track();
    props.onInput(text);
  };
  const take = (suggestion: Suggestion) => {
    const text =
      props.value.slice(0, suggestion.start) + suggestion.insert + props.value.slice(suggestion.end);
    const at = suggestion.start + suggestion.insert.length;
    changed(text);
    if (suggestion.kind !== "field") {
      setDismissed(true);
      props.onCommit();
    }
    if (!input) return;
    input.value = text;
    input.focus();
    input.setSelectionRange(at, at);
    track();
  };

  const keys = (event: KeyboardEvent) => {
    const list = flat();
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp": {
        event.preventDefault();
        if (!open()) {
          setDismissed(false);
          return;
        }
        const step = event.key === "ArrowDown" ? 1 : -1;
        setActive((at) => (at + step + list.length) % list.length);
        return;
      }
      case "Tab": {
        const first = list[Math.max(0, active())];
        if (open() && first && props.value !== "" && !event.shiftKey) {
          event.preventDefault();
          take(first);
        }
        return;
      }
      case "Enter": {
        const chosen = list[active()];
        event.preventDefault();
        if (open() && chosen) take(chosen);
        else {
          props.onCommit();
          setDismissed(true);
        }
        return;
      }
      case "Escape":
        event.preventDefault();
        event.stopPropagation();
        // Topmost first: the suggestions, then the text, then the field itself.
        if (open() && props.value !== "") setDismissed(true);
        else if (props.value !== "") {
          changed("");
          setDismissed(true);
        } else input?.blur();
        return;
      default:
    }
  };

  return (
    <div class="query" role="search" data-error={props.parsed.error ? "" : undefined}>
      <Icon name="search" small />
      <div class="qbox">
        <div class="qlayer" aria-hidden="true">
          <div style={{ transform: `translateX(${-scroll()}px)` }}>
            <Highlighted tokens={props.parsed.tokens} error={props.parsed.error} />
          </div>
        </div>
        <Show when={props.value === ""}>
          <div class="qph" aria-hidden="true">
            Filter {props.what}
            <Show when={props.example}>
              {(example) => (
                <span>
                  , such as{" "}
                  <span class="mono" style={{ opacity: 0.85, "margin-left": "4px" }}>
                    <Highlighted tokens={tokenize(example())} />
                  </span>
                </span>
              )}
            </Show>
          </div>
        </Show>
        <input
          ref={(el) => {
            input = el;
            props.ref?.(el);
          }}
          type="text"
          role="combobox"
          aria-label={`Filter ${props.what}`}
          aria-autocomplete="list"
          aria-expanded={open()}
          aria-controls={`${id}-list`}
          aria-activedescendant={active() >= 0 ? `${id}-${active()}` : undefined}
          aria-invalid={props.parsed.error ? "true" : undefined}
          aria-describedby={props.parsed.error ? `${id}-error` : undefined}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={props.value}
          onInput={(event) => changed(event.currentTarget.value)}
          onKeyDown={keys}
          onKeyUp={track}
          onClick={track}
          onScroll={track}
          onFocus={() => {
            setFocused(true);
            setDismissed(false);
            track();
          }}
          onBlur={() => {
            setFocused(false);
            setActive(-1);
            props.onCommit();
          }}
        />
      </div>
      <Show when={props.value !== ""} fallback={<kbd class="phone:hidden">/</kbd>}>
        <Show
          when={!props.parsed.error}
          fallback={<Status level="critical" label={props.parsed.error?.message ?? "Cannot be read"} />}
        >
          <span class="muted text-xs whitespace-nowrap" aria-live="polite">
            {props.found} of {props.total}
          </span>
        </Show>
        <Button
          size="sm"
          kind="ghost"
          icon="x"
          label="Clear the query"
          onClick={() => {
            changed("");
            input?.focus();
          }}
        />
      </Show>
      <Show when={open()}>
        <div
          class="pop query-pop"
          style={{ position: "absolute" }}
          onMouseDown={(event) => event.preventDefault()}
        >
          <div role="listbox" id={`${id}-list`} aria-label="Suggestions">
            <For each={groups()}>
              {(group, g) => (
                <div role="group" aria-label={group.title}>
                  <Show when={g() > 0}>
                    <hr />
                  </Show>
                  <div class="mh" aria-hidden="true">
                    {group.title}
                  </div>
                  <For each={group.items}>
                    {(item) => {
                      const index = () => flat().indexOf(item);
                      return (
                        <div
                          class="mi"
                          role="option"
                          id={`${id}-${index()}`}
                          aria-selected={active() === index()}
                          onClick={() => take(item)}
                        >
                          <Show
                            when={item.kind === "tag"}
                            fallback={
                              <span class="mono trunc">
                                <Highlighted tokens={tokenize(item.label)} />
                              </span>
                            }
                          >
                            <span class="tag">
                              <i style={{ background: tagColor(item.label) }} />
                              <span style={{ color: "var(--text)" }}>{item.label}</span>
                            </span>
                          </Show>
                          <span class="spacer" />
                          <Show when={item.detail}>
                            <span class="muted whitespace-nowrap">{item.detail}</span>
                          </Show>
                          <Show when={item.kind === "recent" && props.onForget}>
                            <Button
                              size="sm"
                              kind="ghost"
                              icon="x"
                              label={`Forget ${item.label}`}
                              tabindex={-1}
                              onClick={(event: MouseEvent) => {
                                event.stopPropagation();
                                props.onForget?.(item.label);
                              }}
                            />
                          </Show>
                        </div>
                      );
                    }}
                  </For>
                </div>
              )}
            </For>
          </div>
          <div class="mi muted text-xs phone:hidden" aria-hidden="true">
            <kbd>Tab</kbd> complete <kbd>Enter</kbd> keep <kbd>Esc</kbd> close
          </div>
        </div>
      </Show>
      <Show when={props.parsed.error}>
        <span class="sr" id={`${id}-error`}>
          {props.parsed.error?.message}
        </span>
      </Show>
    </div>
  );
}
