import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { RenderedFile } from "../../collectors/collector";
import type { Place, Subject } from "./subject";

/** A collector's process, which a measurement starts, watches and starts again. */
export class Agent {
  /** All that it has printed, of every start. */
  text = "";
  #child: ChildProcess | undefined;

  constructor(
    readonly subject: Subject,
    public files: readonly RenderedFile[],
    readonly place: Place,
  ) {}

  /** @throws with what it printed when it does not get ready. */
  async start(): Promise<void> {
    const { program, args, environment, readyUrl } = this.subject;
    if (program === undefined) {
      throw new Error(`${this.subject.title} cannot be had here`);
    }
    const child = spawn(program, args(this.files, this.place), {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment?.(this.files) },
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        this.text += chunk;
      });
    }
    const url = readyUrl(this.place);
    const deadline = Date.now() + 60_000;
    while (child.exitCode === null && Date.now() < deadline) {
      if (url === undefined || (await page(url)) !== undefined) {
        return;
      }
      await delay(200);
    }
    throw new Error(`${this.subject.title} did not get ready:\n${this.text.slice(-4000)}`);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.exitCode !== null) {
      return;
    }
    const ended = once(child, "close");
    child.kill("SIGTERM");
    // Prometheus waits a minute for a backlog that nobody takes.
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(timer);
  }

  /** Its own metrics as text; empty when it does not answer. */
  async metrics(): Promise<string> {
    const url = this.subject.metricsUrl(this.place);
    return url === undefined ? "" : ((await page(url)) ?? "");
  }
}

async function page(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.text() : undefined;
  } catch {
    return undefined;
  }
}
