import { A, useLocation, useNavigate } from "@solidjs/router";
import { For, Show, type JSX } from "solid-js";
import { errorText } from "@/api/client";
import { Icon, Logo, type IconName } from "@/components/Icon";
import { Menu } from "@/components/Menu";
import { createMedia } from "@/components/media";
import { openHelp, createShortcuts } from "@/components/Shortcuts";
import { toast } from "@/components/toast";
import { prefs, setPrefs, type Theme } from "@/prefs/prefs";
import { mayRead, signOut, status, user } from "@/session/session";
import { ConnectionBanner, LiveIndicator } from "./Connection";

interface Place {
  href: string;
  label: string;
  icon: IconName;
  /** Part of the path that marks this place as current. */
  under: string;
}

const PLATFORMS: Place[] = [
  { href: "/proxmox/overview", label: "Proxmox", icon: "pve", under: "/proxmox" },
  { href: "/hosts", label: "Hosts", icon: "host", under: "/hosts" },
];
const SETTINGS: Place = { href: "/settings", label: "Settings", icon: "gear", under: "/settings" };
const PHONE: Place[] = [
  { href: "/proxmox/overview", label: "Overview", icon: "home", under: "/proxmox/overview" },
  { href: "/proxmox/guests", label: "Guests", icon: "pve", under: "/proxmox/guests" },
  { href: "/hosts", label: "Hosts", icon: "host", under: "/hosts" },
];

function Places(props: { places: Place[]; label: string; class: string }) {
  const location = useLocation();
  return (
    <nav class={props.class} aria-label={props.label}>
      <For each={props.places}>
        {(place) => (
          <A href={place.href} aria-current={location.pathname.startsWith(place.under) ? "page" : undefined}>
            <Icon name={place.icon} />
            {place.label}
          </A>
        )}
      </For>
    </nav>
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

export function Shell(props: { children: JSX.Element }) {
  const phone = createMedia("(width < 640px)");
  const navigate = useNavigate();
  const settings = () => (mayRead("settings:read") ? [SETTINGS] : []);
  createShortcuts([{ keys: ["?"], label: "show these keys", run: openHelp }]);
  let waitingForPlace = 0;
  createShortcuts([
    {
      keys: ["g"],
      label: "then p, h or s: go to Proxmox, Hosts or Settings",
      run: () => (waitingForPlace = Date.now()),
    },
    ...(
      [
        ["p", "/proxmox/overview"],
        ["h", "/hosts"],
        ["s", "/settings"],
      ] as const
    ).map(([key, href]) => ({
      keys: [key],
      label: "",
      run: () => {
        if (Date.now() - waitingForPlace < 1_500) navigate(href);
        waitingForPlace = 0;
      },
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
        <Places class="bn" label="Pages" places={[...PHONE, ...settings()]} />
      </Show>
    </div>
  );
}
