/** Tasks of all Proxmox servers: asked for over HTTP when the live channel says that they changed. */
import { createEffect, createMemo, createResource, on, onCleanup } from "solid-js";
import { request } from "@/api/client";
import type { TaskResource } from "@/api/proxmox";
import { live } from "@/live/live";

type Answer = TaskResource[] | { tasks?: TaskResource[] };

const read = async (): Promise<TaskResource[]> => {
  const answer = await request<Answer>("/api/tasks?limit=1000");
  return Array.isArray(answer) ? answer : (answer.tasks ?? []);
};

export function createTasks() {
  const [data, { refetch }] = createResource(read);
  const again = () => {
    if (document.visibilityState !== "hidden" && !data.loading) void refetch();
  };
  createEffect(on(() => live.revisions().tasks, again, { defer: true }));
  const timer = setInterval(again, 30_000);
  onCleanup(() => clearInterval(timer));
  return {
    tasks: createMemo<readonly TaskResource[]>(() => (data.error ? [] : (data.latest ?? []))),
    error: () => data.error as unknown,
    loading: () => data.loading && !data.latest,
    retry: () => void refetch(),
  };
}
