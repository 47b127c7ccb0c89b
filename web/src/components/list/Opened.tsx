/** The row whose details are open: follows its updates, and says so when it is gone. */
import { createMemo, Show, type Accessor, type JSX } from "solid-js";
import { Gone } from "@/components/drawer/Drawer";

export function Opened<T extends { id: string }>(props: {
  rows: Accessor<readonly T[]>;
  id: string;
  what: string;
  onClose: () => void;
  children: (row: Accessor<T>) => JSX.Element;
}) {
  const find = () => props.rows().find((row) => row.id === props.id);
  const known = createMemo(() => find() !== undefined);
  // Rows change in place, so the accessor must read the list itself; what just left is shown until it goes.
  const Body = () => {
    let last = find() as T;
    return props.children(() => (last = find() ?? last));
  };
  return (
    <Show when={known()} fallback={<Gone what={props.what} id={props.id} onClose={props.onClose} />}>
      <Body />
    </Show>
  );
}
