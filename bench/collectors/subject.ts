import type { CollectorName, CollectorRelease, RenderedFile } from "../../collectors/collector";
import type { SignalName } from "../../fleet/signals";

/** A collector as it is measured: which program, from which rendered files, and what it says of itself. */
export interface Subject {
  /** As the table names it, with version. */
  readonly title: string;
  readonly collector: CollectorName;
  readonly signal: SignalName;
  readonly release: CollectorRelease;
  /** The program's path, or undefined where it cannot be had. */
  readonly program: string | undefined;
  /** Rendered files as they are run: the same but for intervals, ports and inputs, which a measurement needs short. */
  readonly adapt: (files: readonly RenderedFile[], place: Place) => readonly RenderedFile[];
  readonly args: (files: readonly RenderedFile[], place: Place) => readonly string[];
  readonly environment?: (files: readonly RenderedFile[]) => Readonly<Record<string, string>>;
  /** A page that answers 200 once it runs; undefined where there is none. */
  readonly readyUrl: (place: Place) => string | undefined;
  /** Whether what it prints and counts says that data was lost. */
  readonly admitsLoss: (text: string, metrics: string) => boolean;
  /** Its own metrics; undefined where there are none. */
  readonly metricsUrl: (place: Place) => string | undefined;
  /** Feeds it one log line; metrics it scrapes from itself. */
  readonly feed?: (place: Place, line: number) => Promise<void>;
}

/** Where one run of a collector lives. */
export interface Place {
  readonly directory: string;
  /** Ports of its own, free when it was started. */
  readonly port: number;
  readonly otherPort: number;
}
