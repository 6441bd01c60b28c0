import { basename } from "node:path";
import { shellWord } from "../../collectors/site-folder/install-script";
import type { CentralProgram } from "../central-host";
import { serviceName, stackFlags, tokenName } from "../several-stacks";
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
  /** Of the host; of several stacks all names, see CentralHost. */
  readonly stackName: string;
}

/** Programs that look into their folder again by themselves: Grafana for dashboards, Loki's ruler for rules. */
const looksAgain = (path: string): boolean => /^(?:grafana\/dashboards|loki\/rules)\//.test(path);

/** Read when it starts, and never again: by the old one it would stay connected to a tunnel that is gone. */
const isTokenOf = ({ name, stack }: CentralProgram, path: string): boolean =>
  name === "cloudflared" && path === `credentials/${tokenName(stack)}`;

/** The commands that bring what was rendered to the programs that run, in their order. */
export function nextSteps(rendered: RenderedFolder): readonly string[] {
  const { packaging, folder, programs, isNew, hasKeys } = rendered;
  const out = shellWord(folder);
  const hasGate = programs.some(({ name }) => name === "gate");
  const keys = hasGate && !hasKeys;
  const keysStep = `npx sitepass central keys${flagsOf(rendered)} --out ${out}`;
  return packaging === "compose"
    ? [
        ...(keys ? [keysStep] : []),
        ...composeSteps(rendered).map((words) => `docker compose --project-directory ${out} ${words}`),
        ...mapStep(rendered),
      ]
    : [
        // What is fetched now is what install.sh brings along the first time.
        ...(keys && isNew ? [keysStep] : []),
        ...(rendered.changed.length > 0 ? [`sudo sh ${out}/install.sh`] : []),
      ];
}

/** Without them, a command works on one stack. */
const flagsOf = ({ stackName }: RenderedFolder): string =>
  stackName.includes("+") ? ` ${stackFlags(stackName).join(" ")}` : "";

function composeSteps({ programs, isNew, changed }: RenderedFolder): readonly string[] {
  const ofCompose = changed.some((path) => ["compose.yaml", ".env"].includes(path));
  const toTell = isNew
    ? []
    : programs.filter((program) =>
        changed.some(
          (path) =>
            (path.startsWith(`${program.name}/`) && !looksAgain(path) && path !== "gate/sites.map") ||
            isTokenOf(program, path),
        ),
      );
  const restarted = toTell.filter(({ name }) => reloadSignals[name] === undefined).map(serviceName);
  const signals = new Map<string, string[]>();
  for (const program of toTell) {
    const signal = reloadSignals[program.name];
    if (signal !== undefined) {
      signals.set(signal, [...(signals.get(signal) ?? []), serviceName(program)]);
    }
  }
  return [
    ...(isNew || ofCompose ? ["up --detach --remove-orphans"] : []),
    ...[...signals].map(([signal, of]) => `kill --signal ${signal} ${of.join(" ")}`),
    ...(restarted.length > 0 ? [`restart ${restarted.join(" ")}`] : []),
  ];
}

/** The gate takes a new map in without a reload. */
const mapStep = (rendered: RenderedFolder): readonly string[] =>
  !rendered.isNew && rendered.changed.some((path) => basename(path) === "sites.map")
    ? [`npx sitepass central map${flagsOf(rendered)} --out ${shellWord(rendered.folder)}`]
    : [];
