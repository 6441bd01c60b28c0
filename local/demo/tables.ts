import Table from "cli-table3";
import pc from "picocolors";
import { signalNames, type SignalName } from "../../fleet/signals";
import { fingerprint } from "../../stack/rotation-notes";
import type { RevealedOutputs } from "../../stack/stack-outputs";
import type { Origin } from "../run/origins";
import type { Attempt } from "./attempts";

const plain = { style: { head: [], border: [] } };

/** What a person needs to see of each site's pass; the secret only as a mask and a fingerprint to compare. */
export function siteTable({ sites }: RevealedOutputs, shown: readonly string[]): string {
  const table = new Table({ head: ["site", "pushes", "client ID", "client secret", "expires"], ...plain });
  for (const [name, { endpoints, clientId, clientSecret, expiresAt }] of Object.entries(sites)) {
    if (shown.includes(name)) {
      table.push([
        name,
        signalNames.filter((signal) => endpoints[signal] !== undefined).join(", "),
        clientId,
        `******** (sha256 ${fingerprint(clientSecret)})`,
        expiresAt === "" ? "never" : expiresAt.slice(0, 10),
      ]);
    }
  }
  return table.toString();
}

/** What was tried, what was answered by whom, and what a collector makes of it. */
export function attemptTable(attempts: readonly Attempt[]): string {
  const table = new Table({ head: ["what is sent", "status", "answered by", "what that means"], ...plain });
  for (const { what, answer, expected } of attempts) {
    const { status, by } = answer;
    const asExpected = expected.includes(status);
    table.push([
      what,
      asExpected ? String(status) : pc.red(`${status}, not ${expected.join(" or ")}`),
      by,
      meaningOf(status),
    ]);
  }
  return table.toString();
}

/** What came to the origins, by site. */
export async function arrivalTable(
  origins: ReadonlyMap<SignalName, Origin>,
  siteLabel: string,
): Promise<{ readonly text: string; readonly counts: ReadonlyMap<string, number> }> {
  const names = [...origins.keys()];
  const arrived = await Promise.all([...origins.values()].map((origin) => origin.arrived(siteLabel)));
  const sites = [...new Set(arrived.flatMap((counts) => [...counts.keys()]))].sort();
  const table = new Table({
    head: [siteLabel, ...names.map((name) => (name === "metrics" ? "samples" : "log lines"))],
    ...plain,
  });
  for (const site of sites) {
    table.push([site, ...arrived.map((counts) => String(counts.get(site) ?? 0))]);
  }
  return {
    text: table.toString(),
    counts: new Map(
      sites.map((site) => [site, arrived.reduce((sum, counts) => sum + (counts.get(site) ?? 0), 0)]),
    ),
  };
}

/** Of collectors: 4xx is dropped by most of them and 5xx retried (docs/architecture.md). */
function meaningOf(status: number): string {
  if (status < 300) {
    return "delivered";
  }
  switch (status) {
    case 401:
      return "refused: no token, or none that is let in there";
    case 403:
      return "refused: a good token does not open this";
    default:
      return status < 500 ? "refused" : "failed; collectors try again";
  }
}
