/**
 * What a page asks for itself because the live channel leaves it out. The last answer stays while a new one is
 * fetched or fails, and for the next visit of the page.
 */
import { createEffect, createSignal, on, onCleanup, type Accessor } from "solid-js";
import { ApiError, errorText } from "@/api/client";

const kept = new Map<string, { value: unknown; at: number }>();
const EVERY = 60_000;

export interface Asked<T> {
  value: Accessor<T | undefined>;
  /** Why the last try failed; empty while it works. */
  failure: Accessor<string>;
  /** The server has no such route. */
  missing: Accessor<boolean>;
  /** This browser's clock at the last answer, 0 before the first. */
  at: Accessor<number>;
  busy: Accessor<boolean>;
  again: () => Promise<void>;
}

export function createAsked<T>(
  /** Names the answer; another key is another question. */
  key: Accessor<string>,
  ask: (signal: AbortSignal) => Promise<T>,
  options: {
    every?: number;
    /** Asks again when it changes. */
    revision?: Accessor<unknown>;
  } = {},
): Asked<T> {
  const before = kept.get(key()) as { value: T; at: number } | undefined;
  const [value, setValue] = createSignal<T | undefined>(before?.value, { equals: false });
  const [at, setAt] = createSignal(before?.at ?? 0);
  const [failure, setFailure] = createSignal("");
  const [missing, setMissing] = createSignal(false);
  const [busy, setBusy] = createSignal(false);
  let running: AbortController | undefined;

  const again = async () => {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    setBusy(true);
    try {
      const answer = await ask(mine.signal);
      if (mine.signal.aborted) return;
      kept.set(key(), { value: answer, at: Date.now() });
      setFailure("");
      setAt(Date.now());
      setValue(() => answer);
    } catch (error) {
      if (mine.signal.aborted) return;
      setFailure(errorText(error));
      setMissing(error instanceof ApiError && error.status === 404);
    } finally {
      if (running === mine) setBusy(false);
    }
  };

  createEffect(
    on([key, () => options.revision?.()], ([now], previous) => {
      if (previous && previous[0] !== now) setValue(() => kept.get(now)?.value as T | undefined);
      void again();
    }),
  );
  const timer = setInterval(() => {
    if (document.visibilityState !== "hidden") void again();
  }, options.every ?? EVERY);
  onCleanup(() => {
    clearInterval(timer);
    running?.abort();
  });
  return { value, failure, missing, at, busy, again };
}

/** Signing out leaves nothing behind. */
export const forgetAsked = () => kept.clear();
