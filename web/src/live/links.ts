/** Addresses that people attached to guests: read once, changed through `saveLink`. */
import { createSignal } from "solid-js";
import * as api from "@/api/api";
import { request } from "@/api/client";
import type { GuestMetadata } from "@/api/types";

const [links, setLinks] = createSignal<Record<string, GuestMetadata>>({});
/** False on a server that keeps no links: then nothing offers to add one. */
const [available, setAvailable] = createSignal(false);
export { available as linksAvailable };
let asked = false;

export function loadLinks() {
  if (asked) return;
  asked = true;
  request<Record<string, GuestMetadata>>("/api/guests/metadata")
    .then((all) => {
      setLinks(all ?? {});
      setAvailable(true);
    })
    // Links are an extra: a server without them only means that there are none.
    .catch(() => {});
}

export const guestLink = (id: string): string => links()[id]?.customUrl ?? "";

export async function saveLink(id: string, url: string): Promise<void> {
  const current = await api.guestMetadata(id);
  const { id: _id, ...rest } = current;
  const saved = await api.saveGuestMetadata(id, { ...rest, customUrl: url });
  setLinks((all) => ({ ...all, [id]: { ...saved, id, customUrl: url } }));
}
