import { For, Show } from "solid-js";

const NAMED: Record<string, number> = {
  prod: 1,
  production: 1,
  db: 2,
  database: 2,
  web: 3,
  dev: 4,
  media: 5,
  infra: 6,
};

/** A tag keeps its colour on every page and every browser: it follows from the text. */
export function tagColor(tag: string): string {
  const named = NAMED[tag.toLowerCase()];
  if (named) return `var(--cat-${named})`;
  let hash = 0;
  for (const ch of tag) hash = (hash * 31 + (ch.codePointAt(0) ?? 0)) >>> 0;
  return `var(--cat-${(hash % 6) + 1})`;
}

export function Tag(props: {
  tag: string;
  active?: boolean;
  onToggle?: (tag: string) => void;
  tabindex?: number;
}) {
  return (
    <Show
      when={props.onToggle}
      fallback={
        <span class="tag">
          <i style={{ background: tagColor(props.tag) }} />
          <span class="trunc">{props.tag}</span>
        </span>
      }
    >
      <button
        type="button"
        class="tag"
        tabindex={props.tabindex}
        aria-pressed={props.active ?? false}
        title={props.active ? `Stop filtering by ${props.tag}` : `Filter by ${props.tag}`}
        onClick={(event) => {
          event.stopPropagation();
          props.onToggle?.(props.tag);
        }}
      >
        <i style={{ background: tagColor(props.tag) }} />
        <span class="trunc">{props.tag}</span>
      </button>
    </Show>
  );
}

export function Tags(props: {
  tags: readonly string[];
  max?: number;
  isActive?: (tag: string) => boolean;
  onToggle?: (tag: string) => void;
}) {
  const shown = () => props.tags.slice(0, props.max ?? 2);
  const rest = () => props.tags.length - shown().length;
  return (
    <span class="tags">
      <For each={shown()}>
        {(tag) => (
          <Tag
            tag={tag}
            active={props.isActive?.(tag) ?? false}
            {...(props.onToggle ? { onToggle: props.onToggle } : {})}
            tabindex={-1}
          />
        )}
      </For>
      <Show when={rest() > 0}>
        <span class="tag" title={props.tags.slice(shown().length).join(", ")}>
          +{rest()}
        </span>
      </Show>
    </span>
  );
}
