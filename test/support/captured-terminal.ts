import { Writable } from "node:stream";
import { openTerminal, type Terminal } from "../../cli/terminal";

/** For tests of a command: a terminal without colours, and what was printed to it so far. */
export function captureTerminal(): { readonly terminal: Terminal; stdout: string; stderr: string } {
  const into = (name: "stdout" | "stderr") =>
    new Writable({
      decodeStrings: false,
      write: (chunk: string, _encoding, done) => {
        captured[name] += chunk;
        done();
      },
    });
  const terminal = openTerminal({ stdout: into("stdout"), stderr: into("stderr") });
  const captured = { terminal, stdout: "", stderr: "" };
  return captured;
}
