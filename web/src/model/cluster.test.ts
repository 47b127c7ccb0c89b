import { describe, expect, it } from "vitest";
import type { ClusterResource } from "@/api/proxmox";
import { certLevel, certWords, haLevel, members, quorumWords } from "./cluster";

const cluster = (over: Partial<ClusterResource> = {}): ClusterResource => ({
  id: "fra",
  instance: "fra",
  name: "fra",
  quorate: true,
  members: [
    { node: "pve1", nodeId: 1, online: true, votes: 1 },
    { node: "pve2", nodeId: 2, online: false, votes: 1 },
  ],
  expectedVotes: 3,
  totalVotes: 2,
  quorum: 2,
  lastSeen: 0,
  ...over,
});

describe("a cluster's members", () => {
  it("are listed even when no poll knows them", () => {
    const rows = members([cluster()], [], 0);
    expect(rows.map((r) => [r.name, r.level])).toEqual([
      ["pve1", "ok"],
      ["pve2", "critical"],
    ]);
  });
  it("are all in trouble without a quorum, and in none that nobody reported", () => {
    expect(members([cluster({ quorate: false })], [], 0)[0]?.level).toBe("critical");
    const { quorate: _, ...unknown } = cluster();
    expect(members([unknown], [], 0)[0]?.level).toBe("ok");
    expect(quorumWords(unknown)).toContain("quorum not reported");
  });
  it("have their votes said", () => {
    expect(quorumWords(cluster())).toBe("quorate · 2 of 3 votes, 2 needed · 1 of 2 members online");
  });
});

describe("states in words", () => {
  it("of high availability", () => {
    for (const [state, level] of [
      ["active", "ok"],
      ["idle", "ok"],
      ["", "ok"],
      ["maintenance mode", "paused"],
      ["lost_agent_lock", "critical"],
      ["wait_for_agent_lock", "warning"],
      ["dead? (old timestamp)", "critical"],
    ] as const)
      expect(haLevel(state), state).toBe(level);
  });
  it("of certificates", () => {
    expect([certLevel(-1), certLevel(3), certLevel(20), certLevel(90)]).toEqual([
      "critical",
      "warning",
      "notice",
      "ok",
    ]);
    expect(certWords(-3)).toBe("ended 3 d ago");
  });
});
