import { coerce, gte } from "semver";
import type { CollectorRelease } from "./collector";

/** Whether the release is this version or a newer one. Parts that a person left out count as 0, and a packager's suffix as none. */
export function isAtLeast({ version }: CollectorRelease, least: string): boolean {
  const known = coerce(version);
  return known !== null && gte(known, least);
}

export function versionRefusals({ version }: CollectorRelease): readonly string[] {
  return /^v?\d{1,9}\.\d{1,9}(?:\.\d{1,9})?(?:[-+~][\w.+~-]*)?$/.test(version)
    ? []
    : [
        `--release: is "${version}", which is no version. Write it as in 3.10.0, as the agent's --version prints it.`,
      ];
}
