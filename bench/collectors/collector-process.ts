import type { RenderedFile } from "../../collectors/collector";
import { startService, type ServiceProcess } from "../../local/run/processes";
import type { Run, Subject } from "./subject";

/** A collector's process, which a measurement starts, watches and starts again. */
export class CollectorProcess {
  #service: ServiceProcess | undefined;
  #earlierText = "";

  constructor(
    readonly subject: Subject,
    public files: readonly RenderedFile[],
    readonly run: Run,
  ) {}

  /** All that it has printed, of every start. */
  get text(): string {
    return this.#earlierText + (this.#service?.text() ?? "");
  }

  /** @throws with what it printed when it does not get ready. */
  async start(): Promise<void> {
    const { title, program, args, environment, readyUrl } = this.subject;
    if (program === undefined) {
      throw new Error(`${title} is not on this machine`);
    }
    this.#service = await startService(
      program,
      args(this.files, this.run),
      readyUrl(this.run),
      environment?.(this.files),
    );
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    // Prometheus goes on trying to send its backlog for a minute.
    await this.#service?.close(10_000);
    this.#earlierText = this.text;
    this.#service = undefined;
  }

  /** Its own metrics as text; empty when it does not answer. */
  async metrics(): Promise<string> {
    const url = this.subject.metricsUrl(this.run);
    return url === undefined
      ? ""
      : fetch(url).then(
          (answer) => (answer.ok ? answer.text() : ""),
          () => "",
        );
  }
}

/** Feeds a collector one numbered log line a second. */
export class LineFeed {
  /** How many lines the collector has taken. */
  count = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(feed: (run: Run, line: number) => Promise<void>, run: Run) {
    let busy = false;
    const next = async () => {
      busy = true;
      await feed(run, this.count + 1).then(
        () => (this.count += 1),
        // A collector that is being restarted takes none; the line is fed again.
        () => undefined,
      );
      busy = false;
    };
    this.#timer = setInterval(() => {
      if (!busy) {
        void next();
      }
    }, 1000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
