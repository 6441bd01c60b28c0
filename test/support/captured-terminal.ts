import { Writable } from "node:stream";
import { openTerminal, type Streams, type Terminal } from "../../cli/terminal";

/** What was written so far. */
export interface Captured {
  stdout: string;
  stderr: string;
}

/** Streams for the command line that keep what is written; nothing is coloured. */
export function captureStreams(): { readonly streams: Streams; readonly captured: Captured } {
  const captured: Captured = { stdout: "", stderr: "" };
  const into = (name: keyof Captured) =>
    new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, done) => {
        captured[name] += chunk.toString();
        done();
      },
    });
  return { streams: { stdout: into("stdout"), stderr: into("stderr") }, captured };
}

/** For tests of what a command prints through its terminal. */
export function captureTerminal(): { readonly terminal: Terminal; readonly captured: Captured } {
  const { streams, captured } = captureStreams();
  return { terminal: openTerminal(streams), captured };
}
