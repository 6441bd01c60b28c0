import type { FleetVerdict, Problem } from "./verdict";

/** Names that are spelled out; of more sites only the number and the first ones. */
const mostNames = 3;

/** What is wrong, a line each in the project's error form; what several sites have in common is said once. */
export function problemLines({ endpoints, sites }: FleetVerdict): readonly string[] {
  const bySaying = new Map<string, { readonly problem: Problem; readonly what: string; sites: string[] }>();
  const add = (site: string, what: string, problem: Problem) => {
    const key = [what, problem.says, problem.todo].join("\n");
    const group = bySaying.get(key) ?? { problem, what, sites: [] };
    group.sites.push(site);
    bySaying.set(key, group);
  };
  for (const { site, problems, signals } of sites) {
    for (const problem of problems) {
      add(site, "", problem);
    }
    for (const { signal, problems: ofSignal } of signals) {
      for (const problem of ofSignal) {
        add(site, ` (${signal})`, problem);
      }
    }
  }
  return [
    ...endpoints.flatMap(({ signal, hostname, problems }) =>
      problems.map((problem) => line(`${hostname} (${signal})`, problem, undefined)),
    ),
    ...[...bySaying.values()].map(({ problem, what, sites: names }) =>
      line(`${listed(names)}${what}`, problem, names.length === 1 ? names[0] : undefined),
    ),
  ];
}

/** The same verdict with the site's name in what is to be done. */
export function withNames(verdict: FleetVerdict): FleetVerdict {
  return {
    ...verdict,
    sites: verdict.sites.map((site) => {
      const named = (problems: readonly Problem[]) =>
        problems.map(({ says, todo }) => ({ says, todo: todo.replaceAll("<site>", site.site) }));
      return {
        ...site,
        problems: named(site.problems),
        signals: site.signals.map((signal) => ({ ...signal, problems: named(signal.problems) })),
      };
    }),
  };
}

/** `<site>` stays where many sites are meant. */
function line(subject: string, { says, todo }: Problem, site: string | undefined): string {
  return `${subject}: ${says}. ${site === undefined ? todo : todo.replaceAll("<site>", site)}.`;
}

function listed(names: readonly string[]): string {
  return names.length > mostNames
    ? `${names.slice(0, mostNames).join(", ")} and ${names.length - mostNames} more`
    : names.join(", ");
}
