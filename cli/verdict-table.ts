import pc from "picocolors";
import { describeMet } from "../operate/verify/describe-met";
import type { FleetVerdict, ProbeResult } from "../operate/verify/verdict";
import { textTable } from "./text-table";

interface Row {
  readonly ok: boolean;
  readonly cells: readonly string[];
}

/** One row a site and signal, and one an endpoint for everybody without credentials; problems first. */
export function verdictTable({ endpoints, sites }: FleetVerdict): string {
  const rows: Row[] = [
    ...endpoints.map(({ signal, ok, probes }) => ({
      ok,
      cells: ["(everybody)", signal, "", refusals(probes)],
    })),
    ...sites.flatMap(({ site, ok, signals }) =>
      signals.length === 0
        ? [{ ok, cells: [site, "", "not tried", ""] }]
        : signals.map((verdict) => ({
            ok: verdict.ok,
            cells: [site, verdict.signal, pushes(verdict.probes), refusals(verdict.probes)],
          })),
    ),
  ];
  const ordered = [...rows.filter(({ ok }) => !ok), ...rows.filter(({ ok }) => ok)];
  return textTable(
    ["site", "signal", "verdict", "pushes", "refused"],
    ordered.map(({ ok, cells: [site = "", signal = "", ...rest] }) => [
      site,
      signal,
      ok ? pc.green("ok") : pc.red("problem"),
      ...rest,
    ]),
  );
}

/** What became of the pushes that are to be delivered. */
function pushes(probes: readonly ProbeResult[]): string {
  if (probes.length === 0) {
    return "not tried";
  }
  const wanted = probes.filter(({ expected }) => expected === "delivered");
  const failed = wanted.find(({ ok }) => !ok);
  return failed !== undefined ? describeMet(failed.met) : wanted.length > 0 ? "let in" : "shut out";
}

function refusals(probes: readonly ProbeResult[]): string {
  const wanted = probes.filter(({ expected }) => expected === "refused");
  return wanted.length === 0 ? "" : `${wanted.filter(({ ok }) => ok).length} of ${wanted.length}`;
}
