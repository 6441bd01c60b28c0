import assert from "node:assert/strict";
import { z } from "zod";
import { authenticate } from "cloudflare-standin/edge/access/service-credentials";
import type { RunResult } from "../../local/run/processes";
import type { Scenario } from "../support/scenario";
import { sitepassOn } from "../support/sitepass";

/** One command of a recovery, and what it said. */
export interface Step extends RunResult {
  readonly command: string;
}

/** The commands that messages and docs/faults.md name, and what carries them out on a scenario's stack. */
export function commandsOf(fleet: Scenario): Readonly<Record<string, () => Promise<RunResult>>> {
  const own = async (...args: string[]): Promise<RunResult> => {
    const { exitCode, stdout, stderr } = await sitepassOn(fleet, args);
    return { exitCode, text: stdout + stderr };
  };
  return {
    "pulumi up": fleet.up,
    "pulumi preview": fleet.preview,
    "pulumi refresh": fleet.refresh,
    "pulumi cancel": fleet.cancel,
    "pulumi import --file adopt.prod.json --generate-code=false": () =>
      fleet.importFile(`${fleet.directory}/adopt.prod.json`),
    "npx sitepass adopt --stack prod": () => own("adopt"),
    "npx sitepass check": () => own("check"),
    "npx sitepass status": () => own("status"),
  };
}

export async function carryOut(fleet: Scenario, command: string): Promise<Step> {
  const run = commandsOf(fleet)[command];
  assert.ok(run !== undefined, `nothing carries out \`${command}\``);
  return { command, ...(await run()) };
}

/** More steps than any recovery takes. */
const mostSteps = 12;

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
    const told = () => steps.map(({ command: one, text }) => `$ ${one}\n${text}`).join("\n");
    assert.ok(steps.length < mostSteps, `no end to it:\n${told()}`);
    if (step.exitCode === 0) {
      continue;
    }
    assert.equal(command, "pulumi up", told());
    if (step.text.includes("`pulumi cancel`")) {
      next.push("pulumi cancel", "pulumi up");
    } else if (step.text.includes("`npx sitepass adopt --stack prod`")) {
      next.push(
        "npx sitepass adopt --stack prod",
        "pulumi import --file adopt.prod.json --generate-code=false",
        "pulumi up",
      );
    } else {
      assert.fail(`no next command is named:\n${told()}`);
    }
  }
  return steps;
}

/** What may have gone wrong for good, counted over an account after its recovery. */
export interface Losses {
  /** Sites whose secret in the state is not one that lets them in. */
  readonly secretsLost: readonly string[];
  /** Objects that neither the state nor `check` nor `status` names, as `policy sitepass/prod/nobody`. */
  readonly unknownObjects: readonly string[];
}

const stateIds = z.string();

/** Compares an account with what the stack holds, and with what the commands say of the rest. */
export async function lossesOf(fleet: Scenario): Promise<Losses> {
  const { database } = fleet.standIn;
  const { sites } = await fleet.outputs();
  const secretsLost = Object.entries(sites).flatMap(([site, { clientId, clientSecret }]) =>
    authenticate({ kind: "pair", clientId, clientSecret }, database, new Date()).token === undefined
      ? [site]
      : [],
  );
  const stored = stateIds.parse(fleet.storedText());
  const notHeld = [
    ...[...database.serviceTokens.values()].map(({ id, name }) => ({ id, object: `token ${name}` })),
    ...[...database.policies.values()].map(({ id, name }) => ({ id, object: `policy ${name}` })),
    ...[...database.applications.values()].map(({ id, name }) => ({ id, object: `application ${name}` })),
    ...[...database.tunnels.values()]
      .filter(({ deleted_at }) => deleted_at === undefined || deleted_at === null)
      .map(({ id, name }) => ({ id, object: `tunnel ${name}` })),
    ...[...database.dnsRecords.values()].map(({ id, name }) => ({ id, object: `record ${name}` })),
    ...[...database.notificationPolicies.values()].map(({ id, name }) => ({ id, object: `alert ${name}` })),
  ].filter(({ id }) => !stored.includes(id));
  if (notHeld.length === 0) {
    return { secretsLost, unknownObjects: [] };
  }
  const said =
    (await carryOut(fleet, "npx sitepass check")).text + (await carryOut(fleet, "npx sitepass status")).text;
  return {
    secretsLost,
    unknownObjects: notHeld.filter(({ id }) => !said.includes(id)).map(({ object }) => object),
  };
}
