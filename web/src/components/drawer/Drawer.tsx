/**
 * Details beside the list. The list stays and narrows; on small screens the drawer fills the window. Escape and
 * j/k belong to the page, which keeps them working while the drawer is open.
 */
import { Show, type JSX } from "solid-js";
import { Button } from "@/components/Button";
import { Status } from "@/components/Status";
import { now } from "@/live/clock";
import { live } from "@/live/live";
import { shortDuration } from "@/format/format";
import type { Level } from "@/model/level";
import { prefs, setPrefs } from "@/prefs/prefs";

const clamp = (width: number) => Math.round(Math.max(480, Math.min(900, width)));

export function Drawer(props: {
  level: Level;
  why: string;
  title: string;
  badge?: string;
  meta: JSX.Element;
  actions?: JSX.Element;
  onClose: () => void;
  onMove: (step: number) => void;
  what: string;
  children: JSX.Element;
}) {
  const resize = (event: PointerEvent) => {
    const grip = event.currentTarget as HTMLElement;
    grip.setPointerCapture(event.pointerId);
    const startX = event.clientX;
    const startWidth = prefs.drawerWidth;
    const move = (e: PointerEvent) => setPrefs("drawerWidth", clamp(startWidth + startX - e.clientX));
    grip.addEventListener("pointermove", move);
    grip.addEventListener("lostpointercapture", () => grip.removeEventListener("pointermove", move), {
      once: true,
    });
  };
  return (
    <aside
      class="drawer"
      aria-label={`${props.title}, details`}
      style={{ "--drawer-w": `${prefs.drawerWidth}px` }}
    >
      <span
        class="drawer-rz"
        role="separator"
        aria-orientation="vertical"
        aria-label="Width of the details"
        aria-valuenow={prefs.drawerWidth}
        aria-valuemin={480}
        aria-valuemax={900}
        tabindex={0}
        onPointerDown={resize}
        onKeyDown={(event) => {
          const step = event.key === "ArrowLeft" ? 20 : event.key === "ArrowRight" ? -20 : 0;
          if (step) setPrefs("drawerWidth", clamp(prefs.drawerWidth + step));
        }}
      />
      <div class="dh">
        <div class="row">
          <Status level={props.level} label={props.why} />
          <h2 class="trunc">{props.title}</h2>
          <Show when={props.badge}>
            <span class="badge">{props.badge}</span>
          </Show>
          <span class="spacer" />
          <Button
            size="sm"
            kind="ghost"
            icon="up"
            label={`Previous ${props.what} (k)`}
            onClick={() => props.onMove(-1)}
          />
          <Button
            size="sm"
            kind="ghost"
            icon="down"
            label={`Next ${props.what} (j)`}
            onClick={() => props.onMove(1)}
          />
          <Button size="sm" kind="ghost" icon="x" label="Close details (Esc)" onClick={props.onClose} />
        </div>
        <div class="meta">{props.meta}</div>
        <Show when={props.actions}>
          <div class="row flex-wrap" style={{ gap: "6px" }}>
            {props.actions}
          </div>
        </Show>
      </div>
      <div class="scroll flex-1">
        <div class="dbody">{props.children}</div>
      </div>
    </aside>
  );
}

/** The resource left while its details were open. */
export function Gone(props: { what: string; id: string; onClose: () => void }) {
  return (
    <aside class="drawer" aria-label="Details" style={{ "--drawer-w": `${prefs.drawerWidth}px` }}>
      <div class="empty">
        <h2>This {props.what} is gone</h2>
        <p>
          <span class="mono">{props.id}</span> is no longer reported. It may have been deleted or moved to
          another node.
        </p>
        <div class="row">
          <Button kind="primary" onClick={props.onClose}>
            Close
          </Button>
        </div>
      </div>
    </aside>
  );
}

/** Where a fact comes from, and how old it is. */
export function Source(props: { name: string; at: number }) {
  const age = () => {
    void now();
    return props.at > 0 ? shortDuration(Math.max(0, (live.serverNow() - props.at) / 1000)) : "";
  };
  return (
    <span class="src">
      {props.name}
      <Show when={age()}>, {age()} ago</Show>
    </span>
  );
}

export function Fact(props: { name: string; children: JSX.Element }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}
