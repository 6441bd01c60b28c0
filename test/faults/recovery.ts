import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { authenticate } from "cloudflare-standin/edge/access/service-credentials";
import type { RunResult } from "../../local/run/processes";
import type { Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";

/** One command of a recovery, and what it said. */
export interface Step extends RunResult {
  readonly command: string;
}

/** In the folder that holds the state, where it is a folder: checksums beside its files, of which a kill leaves one empty. */
const dropEmptyChecksums = "find .pulumi -name '*.attrs' -empty -delete";

type Run = (fleet: Scenario, argument: string) => Promise<RunResult>;

const own =
  (...args: string[]): Run =>
  async (fleet, argument) => {
    const { exitCode, stdout, stderr } = await sitepassOn(fleet, [
      ...args.map((one) => (one === "*" ? argument : one)),
    ]);
    return { exitCode, text: stdout + stderr };
  };

/** The commands that messages and docs/faults.md name, and what carries them out; a star stands for one word. */
const commands: Readonly<Record<string, Run>> = {
  "pulumi up": (fleet) => fleet.up(),
  "pulumi up --refresh": (fleet) => fleet.up("--refresh"),
  "pulumi preview": (fleet) => fleet.preview(),
  "pulumi refresh": (fleet) => fleet.refresh(),
  "pulumi refresh --clear-pending-creates": (fleet) => fleet.refresh("--clear-pending-creates"),
  "pulumi cancel": (fleet) => fleet.cancel(),
  "pulumi import --stack prod --file adopt.prod.json --generate-code=false": (fleet) =>
    fleet.importFile(join(fleet.directory, "adopt.prod.json")),
  "npx sitepass adopt --stack prod": own("adopt"),
  "npx sitepass forget-tunnel --stack prod": own("forget-tunnel"),
  "npx sitepass forget-tunnel --import --stack prod": own("forget-tunnel", "--import"),
  "npx sitepass check": own("check"),
  "npx sitepass status": own("status"),
  "npx sitepass rotate * --force": own("rotate", "*", "--force"),
  [dropEmptyChecksums]: (fleet) => dropEmpty(fleet, /\.attrs$/),
  "find .pulumi/locks -type f -empty -delete": (fleet) => dropEmpty(fleet, /locks\/.*/),
};

/** Deletes empty files of the folder that holds the state; local/engine has none. */
function dropEmpty(fleet: Scenario, name: RegExp): Promise<RunResult> {
  const folder = join(fleet.directory, "..", "backend");
  for (const file of existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : []) {
    const found = statSync(join(folder, file));
    if (name.test(file) && found.isFile() && found.size === 0) {
      rmSync(join(folder, file));
    }
  }
  return Promise.resolve({ exitCode: 0, text: "" });
}

export async function carryOut(fleet: Scenario, command: string): Promise<Step> {
  for (const [pattern, run] of Object.entries(commands)) {
    const [start = "", end] = pattern.split("*");
    if (command === pattern) {
      return { command, ...(await run(fleet, "")) };
    }
    if (end !== undefined && command.startsWith(start) && command.endsWith(end)) {
      return { command, ...(await run(fleet, command.slice(start.length, -end.length))) };
    }
  }
  return assert.fail(`nothing carries out \`${command}\``);
}

/** More steps than any recovery takes. */
const mostSteps = 14;

/** What a message of a failed `up` says to do next, before another `up`. */
function toldBy(text: string): readonly string[] | undefined {
  // docs/faults.md says what the engine's own words do not.
  if (text.includes("failed to load checkpoint: EOF")) {
    return [dropEmptyChecksums];
  }
  if (text.includes("`pulumi cancel`")) {
    return ["pulumi cancel"];
  }
  if (text.includes("`pulumi refresh`, which tells the stack")) {
    return ["pulumi refresh"];
  }
  const rotations = [...text.matchAll(/run `(npx sitepass rotate \S+ --force)` and `pulumi up`/g)];
  if (rotations.length > 0) {
    return [...new Set(rotations.map(([, command = ""]) => command))];
  }
  return text.includes("`npx sitepass adopt --stack prod`")
    ? [
        "npx sitepass adopt --stack prod",
        "pulumi import --stack prod --file adopt.prod.json --generate-code=false",
      ]
    : undefined;
}

/**
 * Runs `up`, and does what each message says, until an `up` ends well.
 *
 * @throws when a message names no next command, or there is no end to it.
 */
export async function recover(fleet: Scenario): Promise<readonly Step[]> {
  const steps: Step[] = [];
  const next = ["pulumi up"];
  for (let command = next.shift(); command !== undefined; command = next.shift()) {
    const step = await carryOut(fleet, command);
    steps.push(step);
    if (step.exitCode === 0) {
      continue;
    }
    const told = command === "pulumi up" && steps.length < mostSteps ? toldBy(step.text) : undefined;
    if (told === undefined) {
      assert.fail(`no next command is named:\n${transcript(steps)}`);
    }
    next.push(...told, "pulumi up");
  }
  return steps;
}

export const transcript = (steps: readonly Step[]): string =>
  steps.map(({ command, exitCode, text }) => `$ ${command} (${exitCode})\n${text}`).join("\n");

/** What may have gone wrong for good, counted over an account after its recovery. */
export interface Losses {
  /** Sites whose secret in the state is not the present one of their token. */
  readonly secretsLost: readonly string[];
  /** Objects that neither the state nor `check` nor `status` names, as `policy sitepass/prod/nobody`. */
  readonly unknownObjects: readonly string[];
  /** Objects that the state does not hold, named or not. */
  readonly leftOver: readonly string[];
}

/** Compares an account with what the stack holds, and with what the commands say of the rest. */
export async function lossesOf(fleet: Scenario): Promise<Losses> {
  const { database } = fleet.standIn;
  const { sites } = await fleet.outputs();
  const secretsLost = Object.entries(sites).flatMap(([site, { clientId, clientSecret }]) =>
    authenticate({ kind: "pair", clientId, clientSecret }, database, new Date()).detail.endsWith(
      " by its secret",
    )
      ? []
      : [site],
  );
  const stored = fleet.storedText();
  const notHeld = [
    ...[...database.serviceTokens.values()].map(({ id, name }) => ({ id, object: `token ${name}` })),
    ...[...database.policies.values()].map(({ id, name }) => ({ id, object: `policy ${name}` })),
    ...[...database.applications.values()].map(({ id, name }) => ({ id, object: `application ${name}` })),
    ...[...database.tunnels.values()]
      .filter(({ deleted_at }) => deleted_at === null)
      .map(({ id, name }) => ({ id, object: `tunnel ${name}` })),
    ...[...database.dnsRecords.values()].map(({ id, name }) => ({ id, object: `record ${name}` })),
    ...[...database.notificationPolicies.values()].map(({ id, name }) => ({ id, object: `alert ${name}` })),
  ].filter(({ id }) => !stored.includes(id));
  if (notHeld.length === 0) {
    return { secretsLost, unknownObjects: [], leftOver: [] };
  }
  const said =
    (await carryOut(fleet, "npx sitepass check")).text + (await carryOut(fleet, "npx sitepass status")).text;
  return {
    secretsLost,
    leftOver: notHeld.map(({ object }) => object),
    unknownObjects: notHeld.filter(({ id }) => !said.includes(id)).map(({ object }) => object),
  };
}

/** What an account comes to without its IDs, as far as the stack holds it: the same however often a run was interrupted. */
export function heldAccount(fleet: Scenario): readonly string[] {
  const { serviceTokens, policies, applications, tunnels, dnsRecords } = fleet.standIn.database;
  const stored = fleet.storedText();
  const held = <Row extends { readonly id: string }>(rows: ReadonlyMap<string, Row>): readonly Row[] =>
    [...rows.values()].filter(({ id }) => stored.includes(id));
  const nameOf = (rows: ReadonlyMap<string, { readonly name: string }>, id: unknown) =>
    rows.get(String(id))?.name ?? `unknown ${String(id)}`;
  return [
    ...held(serviceTokens).map(({ name, enabled, clientSecretVersion: version }) =>
      ["token", name, enabled, version].join(" "),
    ),
    ...held(policies).map(({ name, include }) =>
      [
        "policy",
        name,
        ...include.map((rule) =>
          "service_token" in rule ? nameOf(serviceTokens, rule.service_token.token_id) : JSON.stringify(rule),
        ),
      ].join(" "),
    ),
    ...held(applications).map(({ name, destinations, policies: attached }) =>
      [
        "application",
        name,
        JSON.stringify(destinations),
        ...attached.map(({ id }) => nameOf(policies, id)),
      ].join(" "),
    ),
    ...held(tunnels).map(({ name, configuration }) =>
      ["tunnel", name, ...(configuration.config?.ingress ?? []).map(({ hostname }) => hostname)].join(" "),
    ),
    ...held(dnsRecords).map(({ name, type, proxied }) => ["record", name, type, proxied].join(" ")),
  ].sort();
}
