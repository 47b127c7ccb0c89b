/**
 * The connection: opens the WebSocket, decodes frames in order, answers trouble by reconnecting with growing
 * pauses. Knows nothing about what the messages mean.
 */
import { linkTokenQuery } from "@/api/client";

export type Phase = "connecting" | "open" | "waiting" | "stopped";

export interface SocketEvents {
  message(message: { type: string }): void;
  phase(phase: Phase, nextTryAt: number): void;
  signedOut(): void;
}

const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;
const PING_EVERY = 25_000;
const PONG_WITHIN = 10_000;
const SESSION_INVALID = 1008;

async function inflate(data: Uint8Array<ArrayBuffer>): Promise<string> {
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).text();
}

const utf8 = new TextDecoder();

async function decode(frame: ArrayBuffer | string): Promise<string> {
  if (typeof frame === "string") return frame;
  const all = new Uint8Array(frame);
  const rest = all.subarray(1);
  return all[0] === 1 ? inflate(rest) : utf8.decode(rest);
}

export class LiveSocket {
  readonly #events: SocketEvents;
  #socket: WebSocket | undefined;
  #tries = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #ping: ReturnType<typeof setInterval> | undefined;
  #pong: ReturnType<typeof setTimeout> | undefined;
  #queue: Promise<void> = Promise.resolve();
  #running = false;

  constructor(events: SocketEvents) {
    this.#events = events;
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    addEventListener("online", this.#wake);
    document.addEventListener("visibilitychange", this.#wake);
    this.#open();
  }

  stop() {
    this.#running = false;
    removeEventListener("online", this.#wake);
    document.removeEventListener("visibilitychange", this.#wake);
    this.#drop();
    this.#events.phase("stopped", 0);
  }

  /** Tries at once instead of waiting for the pause to end. */
  readonly reconnectNow = () => {
    if (!this.#running) return;
    this.#tries = 0;
    this.#drop();
    this.#open();
  };

  resync() {
    this.#send({ type: "resync" });
  }

  readonly #wake = () => {
    if (document.visibilityState !== "hidden" && this.#retry !== undefined) this.reconnectNow();
  };

  #send(message: object) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #drop() {
    clearTimeout(this.#retry);
    clearInterval(this.#ping);
    clearTimeout(this.#pong);
    this.#retry = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close(1000);
  }

  #open() {
    this.#retry = undefined;
    this.#events.phase("connecting", 0);
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws${linkTokenQuery}`, ["pulse.v1+delta"]);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#queue = Promise.resolve();

    socket.onopen = () => {
      this.#tries = 0;
      this.#events.phase("open", 0);
      this.#ping = setInterval(() => {
        this.#send({ type: "ping", t: Date.now() });
        this.#pong = setTimeout(() => this.#lost(socket), PONG_WITHIN);
      }, PING_EVERY);
    };
    socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => {
      clearTimeout(this.#pong);
      // Inflating is asynchronous; the queue keeps frames in the order in which they came.
      this.#queue = this.#queue.then(async () => {
        try {
          const message = JSON.parse(await decode(event.data)) as { type: string };
          if (this.#socket === socket) this.#events.message(message);
        } catch {
          this.resync();
        }
      });
    };
    socket.onclose = (event) => {
      if (this.#socket !== socket) return;
      if (event.code === SESSION_INVALID) {
        this.stop();
        this.#events.signedOut();
        return;
      }
      this.#lost(socket);
    };
  }

  #lost(socket: WebSocket) {
    if (this.#socket !== socket || !this.#running) return;
    this.#drop();
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#tries) * (0.85 + Math.random() * 0.3);
    this.#tries += 1;
    this.#retry = setTimeout(() => this.#open(), pause);
    this.#events.phase("waiting", Date.now() + pause);
  }
}
