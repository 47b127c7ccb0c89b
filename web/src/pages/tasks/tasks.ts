/** Tasks of all Proxmox servers: asked for over HTTP when the live channel says that they changed. */
import { createEffect, on, onCleanup } from "solid-js";
import { createAsk } from "@/api/ask";
import { request } from "@/api/client";
import type { TaskResource } from "@/api/proxmox";
import { live } from "@/live/live";

const NONE: readonly TaskResource[] = [];

type Answer = TaskResource[] | { tasks?: TaskResource[] };

const read = async (): Promise<TaskResource[]> => {
  const answer = await request<Answer>("/api/tasks?limit=1000");
  return Array.isArray(answer) ? answer : (answer.tasks ?? []);
};

export function createTasks() {
  const asked = createAsk(() => "tasks", read);
  const again = () => {
    if (document.visibilityState !== "hidden" && !asked.loading()) asked.again();
  };
  createEffect(on(() => live.revisions().tasks, again, { defer: true }));
  const timer = setInterval(again, 30_000);
  onCleanup(() => clearInterval(timer));
  return {
    tasks: () => asked.answer() ?? NONE,
    error: asked.error,
    loading: () => asked.loading() && !asked.answer(),
    retry: asked.again,
  };
}
