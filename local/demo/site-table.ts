import { createHash } from "node:crypto";
import Table from "cli-table3";
import { signalNames } from "../../provision/signals";
import type { RevealedOutputs } from "../stack/stack";

/** What a person needs to see of each site's pass; the secret only as a mask and a fingerprint to compare. */
export function siteTable({ sites }: RevealedOutputs): string {
  const table = new Table({
    head: ["site", "pushes", "client ID", "client secret", "expires"],
    style: { head: [], border: [] },
  });
  for (const [name, { endpoints, clientId, clientSecret, expiresAt }] of Object.entries(sites)) {
    table.push([
      name,
      signalNames.filter((signal) => endpoints[signal] !== undefined).join(", "),
      clientId,
      `******** (sha256 ${fingerprint(clientSecret)})`,
      expiresAt === "" ? "never" : expiresAt.slice(0, 10),
    ]);
  }
  return table.toString();
}

/** The first eight digits of a secret's SHA-256: enough to tell two apart, useless to find one. */
export function fingerprint(secret: string): string {
  return createHash("sha256").update(secret).digest("hex").slice(0, 8);
}
