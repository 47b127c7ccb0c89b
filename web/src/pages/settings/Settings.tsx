import { A, useLocation } from "@solidjs/router";
import { For, type JSX } from "solid-js";

const GROUPS = [
  { title: "Sources", pages: [{ href: "/settings/proxmox", label: "Proxmox" }] },
  { title: "Access", pages: [{ href: "/settings/tokens", label: "API tokens" }] },
  {
    title: "Pulse",
    pages: [
      { href: "/settings/system", label: "System" },
      { href: "/settings/diagnostics", label: "Diagnostics" },
    ],
  },
  {
    title: "You",
    pages: [
      { href: "/settings/appearance", label: "Appearance" },
      { href: "/settings/session", label: "Session" },
    ],
  },
];

export default function Settings(props: { children?: JSX.Element }) {
  const location = useLocation();
  return (
    <div class="body settings">
      <nav class="sb scroll" aria-label="Settings">
        <For each={GROUPS}>
          {(group) => (
            <>
              <h2>{group.title}</h2>
              <For each={group.pages}>
                {(page) => (
                  <A
                    href={page.href}
                    aria-current={location.pathname.startsWith(page.href) ? "page" : undefined}
                  >
                    {page.label}
                  </A>
                )}
              </For>
            </>
          )}
        </For>
      </nav>
      <main class="main">{props.children}</main>
    </div>
  );
}
