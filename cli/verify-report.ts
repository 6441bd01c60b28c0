import { problemText } from "../fleet/problem";
import { plural } from "../fleet/wording";
import { describeAnswer } from "../operate/verify/answer";
import type { ProbeResult } from "../operate/verify/probes";
import type { PlaceProblem } from "../operate/verify/remedies";
import { fleetProblems, withSiteName, type FleetVerdict } from "../operate/verify/verdict";
import type { Terminal } from "./terminal";

/** Prints a verdict: as one JSON document, or as a table, the problems and a summary. */
export function printVerdict(verdict: FleetVerdict, json: boolean, terminal: Terminal): void {
  if (json) {
    terminal.print(JSON.stringify(verdictDocument(verdict), undefined, 2));
    return;
  }
  terminal.print(verdictTable(verdict, terminal));
  for (const problem of fleetProblems(verdict)) {
    terminal.print(`${terminal.colors.red("error:")} ${problemText(problem)}`);
  }
  terminal.print(summaryOf(verdict, terminal));
}

export function summaryOf(
  { ok, endpoints, sites }: FleetVerdict,
  { colors }: Pick<Terminal, "colors">,
): string {
  if (ok) {
    return colors.green(`${plural(sites.length, "site")} tried: everything is as expected.`);
  }
  const wrongOf = (all: readonly { readonly ok: boolean }[], noun: string): string[] => {
    const wrong = all.filter((one) => !one.ok).length;
    return wrong === 0 ? [] : [`${wrong} of ${plural(all.length, noun)}`];
  };
  return colors.red(
    `Not as expected: ${[...wrongOf(endpoints, "host"), ...wrongOf(sites, "site")].join(", ")}.`,
  );
}

/** What `--json` prints. Its keys are a public contract: `met` is the answer. */
export function verdictDocument(verdict: FleetVerdict) {
  const probesOf = (place: { readonly probes: readonly ProbeResult[] }) =>
    place.probes.map(({ answer, ok, ...request }) => ({ ...request, met: answer, ok }));
  return {
    ok: verdict.ok,
    endpoints: verdict.endpoints.map((endpoint) => ({ ...endpoint, probes: probesOf(endpoint) })),
    sites: verdict.sites.map(({ site, ok, problems, signals }) => {
      const named = (some: readonly PlaceProblem[]) =>
        some.map(({ says, todo }) => ({ says, todo: withSiteName(todo, site) }));
      return {
        site,
        ok,
        problems: named(problems),
        signals: signals.map((signal) => ({
          ...signal,
          probes: probesOf(signal),
          problems: named(signal.problems),
        })),
      };
    }),
    problems: fleetProblems(verdict).map(problemText),
  };
}

interface Row {
  readonly ok: boolean;
  readonly place: readonly string[];
  readonly found: readonly string[];
}

/** One row for each site and signal, and one for everybody without credentials at each endpoint; problems first. */
function verdictTable({ endpoints, sites }: FleetVerdict, { colors, table }: Terminal): string {
  const rows: readonly Row[] = [
    ...endpoints.map(({ signal, ok, probes }) => ({
      ok,
      place: ["(everybody)", signal],
      found: ["", refusals(probes)],
    })),
    ...sites.flatMap(({ site, ok, signals }) =>
      signals.length === 0
        ? [{ ok, place: [site, ""], found: ["not tried", ""] }]
        : signals.map((verdict) => ({
            ok: verdict.ok,
            place: [site, verdict.signal],
            found: [pushes(verdict.probes), refusals(verdict.probes)],
          })),
    ),
  ];
  return table(
    ["site", "signal", "verdict", "pushes", "refused"],
    [...rows.filter(({ ok }) => !ok), ...rows.filter(({ ok }) => ok)].map(({ ok, place, found }) => [
      ...place,
      ok ? colors.green("ok") : colors.red("problem"),
      ...found,
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
  return failed !== undefined ? describeAnswer(failed.answer) : wanted.length > 0 ? "let in" : "shut out";
}

function refusals(probes: readonly ProbeResult[]): string {
  const wanted = probes.filter(({ expected }) => expected === "refused");
  return wanted.length === 0 ? "" : `${wanted.filter(({ ok }) => ok).length} of ${wanted.length}`;
}
