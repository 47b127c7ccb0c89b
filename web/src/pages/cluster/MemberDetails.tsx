import { A } from "@solidjs/router";
import { For, Show } from "solid-js";
import { Copyable } from "@/components/Copy";
import { Drawer, Fact, Source } from "@/components/drawer/Drawer";
import { Opened } from "@/components/list/Opened";
import { Note, Status } from "@/components/Status";
import { Age } from "@/components/Values";
import { absolute, plural, UNKNOWN } from "@/format/format";
import { live } from "@/live/live";
import { certLevel, certWords, haLevel, type MemberRow } from "@/model/cluster";

const DAY = 86_400_000;
const daysLeft = (at: number) => Math.floor((at - live.serverNow()) / DAY);

/** The name in a subject such as `/C=US/O=Let's Encrypt/CN=R11`. */
const commonName = (subject: string) => /CN=([^/,]+)/.exec(subject)?.[1] ?? subject;

function Members(props: { row: MemberRow }) {
  const state = () => props.row.state;
  return (
    <Show when={state()}>
      {(s) => (
        <section class="dsec">
          <h3>
            Cluster {s().name}
            <Source name="corosync, by the Proxmox API" at={s().lastSeen} />
          </h3>
          <dl class="facts">
            <Fact name="Quorum">
              {s().quorate === undefined
                ? "not reported"
                : s().quorate
                  ? "yes"
                  : "no: nothing can be started or changed"}
            </Fact>
            <Fact name="Votes">
              <Show when={s().expectedVotes} fallback={<span class="muted">not reported</span>}>
                {s().totalVotes ?? UNKNOWN} of {s().expectedVotes}, {s().quorum ?? UNKNOWN} needed
              </Show>
            </Fact>
            <Fact name="QDevice">
              <Show when={s().qdevice} fallback={<span class="muted">none</span>}>
                {(q) => (
                  <span class="row" style={{ gap: "6px" }}>
                    <Status level={q().connected ? "ok" : "warning"} label={q().state} />
                    {q().host}, {q().state || (q().connected ? "connected" : "lost")}
                    {q().algorithm ? `, ${q().algorithm}` : ""}
                  </span>
                )}
              </Show>
            </Fact>
          </dl>
          <table class="fs mt-2">
            <colgroup>
              <col />
              <col style={{ width: "110px" }} />
              <col style={{ width: "60px" }} />
              <col style={{ width: "150px" }} />
            </colgroup>
            <thead>
              <tr>
                <th scope="col">Member</th>
                <th scope="col">Address</th>
                <th scope="col" class="num">
                  Votes
                </th>
                <th scope="col" class="num">
                  High availability
                </th>
              </tr>
            </thead>
            <tbody>
              <For each={s().members}>
                {(member) => {
                  const ha = () => s().ha?.nodes.find((n) => n.node === member.node);
                  return (
                    <tr>
                      <td>
                        <span class="row" style={{ gap: "6px" }}>
                          <Status
                            level={member.online ? "ok" : "critical"}
                            label={member.online ? "online" : "offline"}
                          />
                          <span class={member.node === props.row.name ? "font-semibold" : undefined}>
                            {member.node}
                          </span>
                        </span>
                      </td>
                      <td class="mono muted">{member.ip || UNKNOWN}</td>
                      <td class="num">{member.votes ?? UNKNOWN}</td>
                      <td
                        class="num trunc"
                        title={
                          ha()?.lastContact
                            ? `last contact ${absolute(new Date(ha()?.lastContact ?? 0))}`
                            : undefined
                        }
                        data-tone={haLevel(ha()?.state ?? "") === "critical" ? "critical" : undefined}
                      >
                        {ha()?.state || UNKNOWN}
                      </td>
                    </tr>
                  );
                }}
              </For>
            </tbody>
          </table>
        </section>
      )}
    </Show>
  );
}

function Updates(props: { row: MemberRow }) {
  const u = () => props.row.updates;
  return (
    <section class="dsec">
      <h3>
        Package updates
        <Source name="apt on the node" at={u()?.readAt ?? 0} />
      </h3>
      <Show
        when={u()}
        fallback={
          <p class="muted row">
            <Status level="unknown" decorative />
            Not read. Pending updates need <span class="mono">Sys.Modify</span> on the node, and are read a
            few times a day.
          </p>
        }
      >
        {(updates) => (
          <dl class="facts">
            <Fact name="Pending">{updates().pending === 0 ? "none" : updates().pending}</Fact>
            <Fact name="Security">
              {!updates().securityKnown
                ? "not told by Proxmox"
                : updates().security === 0
                  ? "none"
                  : updates().security}
            </Fact>
            <Show when={updates().packages.length > 0}>
              <Fact name="Packages">
                <span class="mono text-xs">{updates().packages.join(", ")}</span>
                {updates().pending > updates().packages.length
                  ? ` and ${updates().pending - updates().packages.length} more`
                  : ""}
              </Fact>
            </Show>
            <Fact name="Reboot">
              {updates().rebootNeeded === undefined
                ? UNKNOWN
                : updates().rebootNeeded
                  ? `needed: ${updates().installedKernel ?? "a newer kernel"} is installed, ${updates().runningKernel ?? "an older one"} runs`
                  : "not needed"}
            </Fact>
          </dl>
        )}
      </Show>
    </section>
  );
}

function Certificates(props: { row: MemberRow }) {
  return (
    <section class="dsec">
      <h3>
        Certificates
        <Source
          name="Proxmox API"
          at={props.row.certificates.length > 0 ? (props.row.node?.lastSeen ?? 0) : 0}
        />
      </h3>
      <Show when={props.row.certificates.length > 0} fallback={<p class="muted">Not read yet.</p>}>
        <table class="fs">
          <colgroup>
            <col />
            <col style={{ width: "120px" }} />
            <col style={{ width: "150px" }} />
          </colgroup>
          <thead>
            <tr>
              <th scope="col">File</th>
              <th scope="col">Issuer</th>
              <th scope="col" class="num">
                Ends
              </th>
            </tr>
          </thead>
          <tbody>
            <For each={props.row.certificates}>
              {(cert) => (
                <tr>
                  <td
                    class="trunc"
                    title={[cert.subject, ...(cert.names ?? []), cert.fingerprint].join("\n")}
                  >
                    <span class="mono">{cert.file}</span>{" "}
                    <span class="muted">{commonName(cert.subject)}</span>
                  </td>
                  <td class="trunc muted" title={cert.issuer}>
                    {commonName(cert.issuer)}
                  </td>
                  <td
                    class="num"
                    data-tone={
                      typeof cert.notAfter === "number" &&
                      ["warning", "critical"].includes(certLevel(daysLeft(cert.notAfter)))
                        ? certLevel(daysLeft(cert.notAfter))
                        : undefined
                    }
                    title={typeof cert.notAfter === "number" ? absolute(new Date(cert.notAfter)) : undefined}
                  >
                    <Show when={cert.notAfter} fallback={UNKNOWN}>
                      {(at) => `${certWords(daysLeft(at()))}, ${absolute(new Date(at())).slice(0, 10)}`}
                    </Show>
                  </td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </Show>
    </section>
  );
}

export default function MemberDetails(props: {
  rows: () => readonly MemberRow[];
  id: string;
  onClose: () => void;
  onMove: (step: number) => void;
}) {
  return (
    <Opened rows={props.rows} id={props.id} what="node" onClose={props.onClose}>
      {(r) => (
        <Drawer
          level={r().level}
          why={r().why}
          title={r().name}
          badge="Node"
          what="node"
          onClose={props.onClose}
          onMove={props.onMove}
          meta={
            <>
              <span>{r().cluster || "on its own"}</span>
              <i>·</i>
              <span>{r().why.charAt(0).toLowerCase() + r().why.slice(1)}</span>
              <Show when={r().node}>
                {(n) => (
                  <>
                    <i>·</i>
                    <A href={`/proxmox/overview?open=${encodeURIComponent(`node:${n().id}`)}`}>
                      load and history
                    </A>
                  </>
                )}
              </Show>
            </>
          }
        >
          <Show when={r().level === "critical" || r().level === "warning"}>
            <div class="mt-3">
              <Note level={r().level}>
                <b class="font-semibold">{r().why}</b>
                <Show when={!r().online && r().node}>
                  {(n) => (
                    <div class="text-xs">
                      Last report <Age at={n().lastSeen} />.{" "}
                      {plural(
                        live.guests().filter((g) => g.node === r().name && g.instance === r().node?.instance)
                          .length,
                        "guest",
                      )}{" "}
                      on it.
                    </div>
                  )}
                </Show>
              </Note>
            </div>
          </Show>
          <Members row={r()} />
          <Updates row={r()} />
          <Certificates row={r()} />
          <section class="dsec">
            <h3>
              Node
              <Source name="Proxmox API" at={r().node?.lastSeen ?? 0} />
            </h3>
            <dl class="facts">
              <Fact name="Version">{r().version || UNKNOWN}</Fact>
              <Fact name="Kernel">{r().node?.raw.kernelVersion || UNKNOWN}</Fact>
              <Fact name="Pulse id">
                <Copyable text={r().id} label="the id" />
              </Fact>
            </dl>
          </section>
        </Drawer>
      )}
    </Opened>
  );
}
