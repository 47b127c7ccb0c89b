/**
 * A question to the server that a view shows the answer of: loading, failed, asked again. Unlike a resource it never
 * suspends what is around it: a drawer opens at once and its parts fill one by one.
 */
import { createEffect, createMemo, createSignal, on, onCleanup, type Accessor } from "solid-js";

export interface Asked<A> {
  /** The last answer to the present question; kept while it is asked again. */
  answer: Accessor<A | undefined>;
  error: Accessor<unknown>;
  loading: Accessor<boolean>;
  again: () => void;
}

export function createAsk<A>(question: Accessor<string>, ask: (question: string) => Promise<A>): Asked<A> {
  const [state, setState] = createSignal<{ question: string; answer?: A; error?: unknown; loading: boolean }>(
    {
      question: "",
      loading: true,
    },
  );
  let latest = 0;
  const load = async (about: string) => {
    const mine = (latest += 1);
    setState((s) => (s.question === about ? { ...s, loading: true } : { question: about, loading: true }));
    try {
      const answer = await ask(about);
      if (mine === latest) setState({ question: about, answer, loading: false });
    } catch (error) {
      if (mine === latest) setState((s) => ({ ...s, error, loading: false }));
    }
  };
  // An equal question is not asked again.
  createEffect(on(createMemo(question), (about) => void load(about)));
  onCleanup(() => (latest += 1));
  return {
    answer: () => state().answer,
    error: () => state().error,
    loading: () => state().loading,
    again: () => void load(question()),
  };
}
