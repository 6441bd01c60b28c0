import { problemText } from "../fleet/problem";
import { credentialWarnings } from "../stack/rotation-notes";
import { warn } from "./warn";

/** Prints stack/rotation-notes.ts' warnings, until its last caller prints them itself. */
export async function warnOfUselessness(...of: Parameters<typeof credentialWarnings>): Promise<void> {
  for (const warning of await credentialWarnings(...of)) {
    warn(problemText(warning));
  }
}
