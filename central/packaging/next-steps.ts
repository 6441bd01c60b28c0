import { basename } from "node:path";
import { shellWord } from "../../collectors/site-folder/install-script";
import type { CentralProgram, ProgramName } from "../central-host";
import { reloadSignals, type PackagingName } from "./packaging";

/** What was rendered, and what came of it. */
export interface RenderedFolder {
  readonly packaging: PackagingName;
  readonly folder: string;
  readonly programs: readonly CentralProgram[];
  /** Whether nothing was rendered there before. */
  readonly isNew: boolean;
  /** Relative paths of what was written or removed. */
  readonly changed: readonly string[];
  /** Whether the gate has keys of Access yet. */
  readonly hasKeys: boolean;
}

/** Programs that look into their folder again by themselves: Grafana for dashboards, Loki's ruler for rules. */
const looksAgain = (path: string): boolean => /^(?:grafana\/dashboards|loki\/rules)\//.test(path);

/** Read when it starts, and never again: by the old one it would stay connected to a tunnel that is gone. */
const isTokenOf = (name: ProgramName, path: string): boolean =>
  name === "cloudflared" && path === "credentials/tunnel-token";

/** The commands that bring what was rendered to the programs that run, in their order. */
export function nextSteps(rendered: RenderedFolder): readonly string[] {
  const { packaging, folder, programs, isNew, hasKeys } = rendered;
  const out = shellWord(folder);
  const hasGate = programs.some(({ name }) => name === "gate");
  const keys = hasGate && !hasKeys;
  return packaging === "compose"
    ? [
        ...(keys ? [`npx sitepass central keys --out ${out}`] : []),
        ...composeSteps(rendered).map((words) => `docker compose --project-directory ${out} ${words}`),
        ...mapStep(rendered),
      ]
    : [
        // What is fetched now is what install.sh brings along the first time.
        ...(keys && isNew ? [`npx sitepass central keys --out ${out}`] : []),
        ...(rendered.changed.length > 0 ? [`sudo sh ${out}/install.sh`] : []),
      ];
}

function composeSteps({ programs, isNew, changed }: RenderedFolder): readonly string[] {
  const ofCompose = changed.some((path) => ["compose.yaml", ".env"].includes(path));
  const names = isNew
    ? []
    : programs
        .map(({ name }) => name)
        .filter((name) =>
          changed.some(
            (path) =>
              (path.startsWith(`${name}/`) && !looksAgain(path) && path !== "gate/sites.map") ||
              isTokenOf(name, path),
          ),
        );
  const restarted = names.filter((name) => reloadSignals[name] === undefined);
  const signals = new Map<string, string[]>();
  for (const name of names) {
    const signal = reloadSignals[name];
    if (signal !== undefined) {
      signals.set(signal, [...(signals.get(signal) ?? []), name]);
    }
  }
  return [
    ...(isNew || ofCompose ? ["up --detach --remove-orphans"] : []),
    ...[...signals].map(([signal, of]) => `kill --signal ${signal} ${of.join(" ")}`),
    ...(restarted.length > 0 ? [`restart ${restarted.join(" ")}`] : []),
  ];
}

/** The gate takes a new map in without a reload. */
const mapStep = ({ isNew, changed, folder }: RenderedFolder): readonly string[] =>
  !isNew && changed.some((path) => basename(path) === "sites.map")
    ? [`npx sitepass central map --out ${shellWord(folder)}`]
    : [];
