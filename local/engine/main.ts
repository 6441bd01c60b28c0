import { parseArgs } from "node:util";
import { join, resolve } from "node:path";
import pc from "picocolors";
import { problemText, UserError } from "../../fleet/problem";
import { chooseStack, stackNameIn } from "../../stack/project-stacks";
import { revealed } from "../../stack/state-file-reader";
import type { Operation, Step } from "./deployment";
import type { Command, EngineOptions, runEngine } from "./engine";
import { masked, type Properties } from "./properties";
import { SavedState } from "./state";

const help = `Runs index.ts on this machine, against the stand-in for Cloudflare's API, without the Pulumi CLI.

  npm run engine -- <command> [options]

Commands
  up          make what the program declares
  preview     say what up would do; changes nothing
  destroy     delete everything that up made
  refresh     forget what Cloudflare no longer has
  import      take what exists in Cloudflare into the state, as --file says; changes nothing there
  output      print the stack's outputs as JSON, secrets masked

Options
  --stack NAME         the stack, and so the file Pulumi.NAME.yaml; default PULUMI_STACK, else the selected one
  --cwd DIR            the project's folder; default this one
  --state FILE         where the state is kept, secrets in clear, relative to --cwd; default SITEPASS_STATE, else .sitepass/NAME.json;
                       {stack} in it is the stack's name
  --config KEY=VALUE   configuration in place of the file's, structured values as JSON; may be repeated
  --file FILE          with import: what \`pulumi import --file\` reads
  --refresh            with up: first read what Cloudflare has of everything in the state
  --suppress-outputs   do not print the stack's outputs after a change
  --json               one JSON document instead of text
  --show-secrets       with output: print secrets in clear

Environment
  CLOUDFLARE_BASE_URL, CLOUDFLARE_API_TOKEN   as \`npm run standin\` prints them; addresses off this machine are refused

Exit code: 0 all went well, 1 something failed, 2 wrong usage, 130 stopped by Ctrl-C.`;

const changing: readonly string[] = ["up", "preview", "destroy", "refresh", "import"] satisfies Command[];

function readArguments() {
  return parseArgs({
    allowPositionals: true,
    options: {
      stack: { type: "string" },
      cwd: { type: "string", default: "." },
      state: { type: "string" },
      file: { type: "string" },
      config: { type: "string", multiple: true, default: [] },
      refresh: { type: "boolean", default: false },
      "suppress-outputs": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      "show-secrets": { type: "boolean", default: false },
      help: { type: "boolean", default: false, short: "h" },
    },
  });
}

type Arguments = ReturnType<typeof readArguments>["values"];

/** Loaded late: the SDKs take a second, and neither help nor output needs them. */
type LoadEngine = () => { readonly runEngine: typeof runEngine };

/** @returns the exit code. */
async function main(loadEngine: LoadEngine): Promise<number> {
  let parsed: ReturnType<typeof readArguments>;
  try {
    parsed = readArguments();
  } catch (error) {
    return wrongUsage(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  const [command = "", ...more] = positionals;
  if (values.help) {
    console.log(help);
    return 0;
  }
  if (more.length > 0 || (command !== "output" && !isCommand(command))) {
    return wrongUsage(
      `"${positionals.join(" ")}" is not a command. Give one of ${changing.join(", ")}, output.`,
    );
  }
  if (values.refresh && command !== "up") {
    return wrongUsage("--refresh comes only with up.");
  }
  if ((command === "import") !== (values.file !== undefined)) {
    return wrongUsage("import needs --file, and no other command takes it.");
  }
  const directory = resolve(values.cwd);
  const stack = stackNameIn(chooseStack(directory, values.stack, process.env));
  const named = values.state ?? process.env.SITEPASS_STATE ?? "";
  const statePath = resolve(
    directory,
    named === "" ? join(".sitepass", `${stack}.json`) : named.replaceAll("{stack}", stack),
  );
  if (!isCommand(command)) {
    const { outputs } = new SavedState(statePath).opened;
    console.log(JSON.stringify(values["show-secrets"] ? revealed(outputs) : masked(outputs), undefined, 2));
    return 0;
  }
  return change(loadEngine, command, values, { directory, stack, statePath });
}

async function change(
  loadEngine: LoadEngine,
  command: Command,
  values: Arguments,
  place: Pick<EngineOptions, "directory" | "stack" | "statePath">,
): Promise<number> {
  const steps: Step[] = [];
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    // Not `once`: write-file-atomic's signal-exit ends the process when it finds no other listener left.
    process.on(name, () => {
      if (stopping.signal.aborted) {
        process.exit(130);
      }
      stopping.abort();
    });
  }
  const started = performance.now();
  const engine = loadEngine();
  const { failures, state } = await engine.runEngine({
    ...place,
    command,
    refreshFirst: values.refresh,
    importFile: values.file === undefined ? undefined : resolve(values.file),
    overrides: overridesIn(values.config),
    environment: process.env,
    onStep: (step) => {
      steps.push(step);
      if (!values.json) {
        showStep(step, command === "preview");
      }
    },
    abort: stopping.signal,
  });
  if (values.json) {
    console.log(JSON.stringify({ failures, steps, outputs: masked(state.outputs) }, undefined, 2));
  } else if (failures.length > 0) {
    showFailures(failures);
  } else {
    if (!values["suppress-outputs"] && command !== "import") {
      showOutputs(state.outputs);
    }
    showSummary(steps, performance.now() - started, command === "preview");
  }
  return stopping.signal.aborted ? 130 : failures.length > 0 ? 1 : 0;
}

function isCommand(text: string): text is Command {
  return changing.includes(text);
}

function overridesIn(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key, ...value] = pair.split("=");
      if (key === undefined || key === "" || value.length === 0) {
        throw new UserError([
          {
            subject: "--config",
            says: `is "${pair}"`,
            todo: "Write KEY=VALUE, as in sitepass:protect=false",
          },
        ]);
      }
      return [key, value.join("=")];
    }),
  );
}

function wrongUsage(problem: string): number {
  console.error(`error: ${problem}\nSee \`npm run engine -- --help\`.`);
  return 2;
}

/** Runs the command line of `process.argv`, and shows what it ends with. */
export async function exitCodeOf(loadEngine: LoadEngine): Promise<number> {
  try {
    return await main(loadEngine);
  } catch (error) {
    showFailures(
      error instanceof UserError
        ? error.problems.map(problemText)
        : [error instanceof Error ? (error.stack ?? error.message) : String(error)],
    );
    return 1;
  }
}

/** The same, and ends the process. Not left to the event loop: after a failure the program's promises never settle. */
export async function runAndExit(loadEngine: LoadEngine): Promise<void> {
  process.exit(await exitCodeOf(loadEngine));
}

const signs: Readonly<Record<Operation, string>> = {
  create: pc.green("+"),
  update: pc.yellow("~"),
  replace: pc.magenta("+-"),
  delete: pc.red("-"),
  import: pc.cyan("="),
  same: " ",
};

const words: Readonly<Record<Operation, readonly [done: string, planned: string]>> = {
  create: ["created", "to create"],
  update: ["updated", "to update"],
  replace: ["replaced", "to replace"],
  delete: ["deleted", "to delete"],
  import: ["imported", "to import"],
  same: ["unchanged", "unchanged"],
};

/** Of the types in kinds/, so that names stand below each other. */
const longestType = "ZeroTrustTunnelCloudflaredConfig".length;

/** One line for each change; what stays as it is is only counted. */
function showStep({ operation, type, name, milliseconds }: Step, planned: boolean): void {
  if (operation === "same") {
    return;
  }
  const word = words[operation][planned ? 1 : 0];
  const time = planned ? "" : pc.dim(` (${(milliseconds / 1000).toFixed(2)} s)`);
  const shortType = type.slice(type.lastIndexOf(":") + 1);
  console.log(
    ` ${signs[operation]}${operation === "replace" ? "" : " "} ${pc.dim(shortType.padEnd(longestType))} ${name} ${word}${time}`,
  );
}

/** How many of each, in the manner of `pulumi up`. */
function showSummary(steps: readonly Step[], milliseconds: number, planned: boolean): void {
  console.log(pc.bold("Resources:"));
  for (const operation of Object.keys(words) as Operation[]) {
    const count = steps.filter((step) => step.operation === operation).length;
    if (count > 0) {
      console.log(`    ${signs[operation]} ${count} ${words[operation][planned ? 1 : 0]}`);
    }
  }
  console.log(`\nDuration: ${(milliseconds / 1000).toFixed(1)} s`);
}

function showOutputs(outputs: Properties): void {
  if (Object.keys(outputs).length > 0) {
    console.log(`${pc.bold("Outputs:")} ${JSON.stringify(masked(outputs), undefined, 2)}\n`);
  }
}

/** Every line of a failure is an error of its own. */
function showFailures(failures: readonly string[]): void {
  for (const line of failures.flatMap((failure) => failure.split("\n"))) {
    console.error(`${pc.red("error:")} ${line}`);
  }
}
