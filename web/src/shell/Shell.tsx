import { A, useLocation, useNavigate } from "@solidjs/router";
import { For, Show, type JSX } from "solid-js";
import { errorText } from "@/api/client";
import { Icon, Logo } from "@/components/Icon";
import { Menu } from "@/components/Menu";
import { createMedia } from "@/components/media";
import { openHelp, createShortcuts } from "@/components/Shortcuts";
import { toast } from "@/components/toast";
import { prefs, setPrefs, type Theme } from "@/prefs/prefs";
import { mayRead, signOut, status, user } from "@/session/session";
import { ConnectionBanner, LiveIndicator } from "./Connection";
import { isCurrent, phonePlaces, PLATFORMS, SETTINGS, type Place } from "./places";

function Places(props: { places: readonly Place[]; label: string; class: string; children?: JSX.Element }) {
  const location = useLocation();
  return (
    <nav class={props.class} aria-label={props.label}>
      <For each={props.places}>
        {(place) => (
          <A href={place.href} aria-current={isCurrent(place, location.pathname) ? "page" : undefined}>
            <Icon name={place.icon} />
            {place.label}
          </A>
        )}
      </For>
      {props.children}
    </nav>
  );
}

/** The bar at the bottom of a phone: four places and the way to all others. */
function PhoneBar(props: { more: readonly Place[] }) {
  const location = useLocation();
  const places = () => phonePlaces(location.pathname, props.more);
  const elsewhere = () => places().more.some((place) => isCurrent(place, location.pathname));
  return (
    <Places class="bn" label="Pages" places={places().bar}>
      <Menu
        label="More pages"
        width={220}
        button={(attrs) => (
          <button type="button" data-current={elsewhere() ? "" : undefined} {...attrs}>
            <Icon name="more" />
            More
          </button>
        )}
      >
        {(close) => (
          <For each={places().more}>
            {(place) => (
              <A
                class="mi"
                href={place.href}
                aria-current={isCurrent(place, location.pathname) ? "page" : undefined}
                onClick={close}
              >
                <Icon name={place.icon} small />
                {place.label}
              </A>
            )}
          </For>
        )}
      </Menu>
    </Places>
  );
}

const THEMES: { value: Theme; label: string }[] = [
  { value: "system", label: "As the system" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

function UserMenu(props: { phone: boolean }) {
  const leave = async () => {
    try {
      await signOut();
    } catch (error) {
      toast({ level: "critical", title: "Signing out did not work", detail: errorText(error) });
    }
  };
  return (
    <Menu
      label="Account"
      width={220}
      button={(attrs) => (
        <Show
          when={!props.phone}
          fallback={
            <button type="button" class="tb" aria-label="Account and display" {...attrs}>
              <Icon name="user" />
            </button>
          }
        >
          <button
            type="button"
            class="avatar"
            aria-label={`Account${user() ? ` of ${user()}` : ""}`}
            {...attrs}
          >
            <Show when={user()} fallback={<Icon name="user" small />}>
              {user().charAt(0).toUpperCase()}
            </Show>
          </button>
        </Show>
      )}
    >
      {(close) => (
        <>
          <Show when={user()}>
            <div class="mh">Signed in as {user()}</div>
          </Show>
          <Show when={!user() && status()?.tokenScopes}>
            <div class="mh">Access by token</div>
          </Show>
          <div class="mh">Theme</div>
          <For each={THEMES}>
            {(theme) => (
              <button
                type="button"
                class="mi"
                aria-pressed={prefs.theme === theme.value}
                onClick={() => setPrefs("theme", theme.value)}
              >
                <Show when={prefs.theme === theme.value} fallback={<span class="no-ico" />}>
                  <Icon name="check" small />
                </Show>
                {theme.label}
              </button>
            )}
          </For>
          <hr />
          <A class="mi" href="/settings/appearance" onClick={close}>
            <Icon name="sun" small />
            Appearance
          </A>
          <A class="mi" href="/settings/session" onClick={close}>
            <Icon name="key" small />
            Session and password
          </A>
          <Show when={!props.phone}>
            <button
              type="button"
              class="mi"
              onClick={() => {
                close();
                openHelp();
              }}
            >
              <Icon name="term" small />
              Keys
              <span class="spacer" />
              <kbd>?</kbd>
            </button>
          </Show>
          <Show when={user()}>
            <hr />
            <button type="button" class="mi" onClick={() => void leave()}>
              <Icon name="out" small />
              Log out
            </button>
          </Show>
        </>
      )}
    </Menu>
  );
}

/** Where `g` and a letter go. */
const GO: Record<string, string> = {
  p: "/proxmox/overview",
  d: "/proxmox/storage",
  c: "/proxmox/cluster",
  t: "/proxmox/tasks",
  r: "/proxmox/replication",
  h: "/hosts",
  s: "/settings",
};

export function Shell(props: { children: JSX.Element }) {
  const phone = createMedia("(width < 640px)");
  const navigate = useNavigate();
  const settings = () => (mayRead("settings:read") ? [SETTINGS] : []);
  createShortcuts([{ keys: ["?"], label: "show these keys", run: openHelp }]);
  createShortcuts([
    {
      keys: ["g"],
      label: "then p, d, c, t, r, h or s: Proxmox, storage, cluster, tasks, replication, hosts, settings",
      run: () => {},
    },
    ...Object.entries(GO).map(([key, href]) => ({
      keys: [key],
      after: "g",
      label: "",
      run: () => navigate(href),
    })),
  ]);

  return (
    <div class="app">
      <a
        class="btn skip"
        href="#main"
        onClick={(e) => (e.preventDefault(), document.getElementById("main")?.focus())}
      >
        Skip to the content
      </a>
      <header class="hdr">
        <A class="brand" href="/proxmox/overview" aria-label="Pulse, overview">
          <Logo />
          Pulse
        </A>
        <Show when={!phone()}>
          <Places class="nav" label="Platforms" places={PLATFORMS} />
          <span class="spacer" />
          <Places class="nav" label="Operations" places={settings()} />
        </Show>
        <Show when={phone()}>
          <span class="spacer" />
        </Show>
        <LiveIndicator short={phone()} />
        <UserMenu phone={phone()} />
      </header>
      <ConnectionBanner />
      <div id="main" class="page" tabindex="-1">
        {props.children}
      </div>
      <Show when={phone()}>
        <PhoneBar more={settings()} />
      </Show>
    </div>
  );
}
