import type { CallResult } from "../../cloudflare/client";
import {
  hostsOutsideZone,
  missingZone,
  readBotProtection,
  zoneOfAnotherAccount,
  zoneTroubles,
  type AccountZone,
  type BotProtection,
} from "../../cloudflare/zones";
import type { Config } from "../../fleet/config";
import { permissionFinding } from "./api-token";
import type { CheckContext } from "./check-context";
import { findingsOn, type Finding } from "./finding";

const { ok, warning, problem } = findingsOn("zone");

/** Whether the zone can carry the host names, and its bot protection leaves collectors alone. */
export async function checkZone({ stack, api, zone: asked }: CheckContext): Promise<readonly Finding[]> {
  const found = await asked;
  const findings = zoneFindings(found, stack.config);
  if (found.kind !== "answered" || found.value === undefined) {
    return findings;
  }
  const { id, name } = found.value;
  const read = await readBotProtection(api, id);
  return [
    ...findings,
    permissionFinding(
      "botManagement",
      read,
      undefined,
      `Bot Fight Mode on ${name}, which stops collectors, was`,
    ),
    ...(read.kind === "answered" ? [botFinding(name, read.value)] : []),
  ];
}

export function zoneFindings(
  found: CallResult<AccountZone | undefined>,
  config: Pick<Config, "zone" | "accountId" | "endpoints">,
): readonly Finding[] {
  if (found.kind === "failed" && found.status !== 404) {
    return [problem(found.problem)];
  }
  const zone = found.kind === "answered" ? found.value : undefined;
  if (zone === undefined) {
    return [problem(missingZone(config, found.kind === "forbidden" ? found.reason : undefined))];
  }
  const findings = [
    ...zoneOfAnotherAccount(config, zone.accountId, zone.name).map(problem),
    ...statusFindings(zone),
    ...hostsOutsideZone(config, zone.name).map(problem),
  ];
  return findings.length > 0
    ? findings
    : [ok(`zone ${zone.name} is active${zone.accountId === undefined ? "" : ", and in the account"}`)];
}

function statusFindings(zone: AccountZone): readonly Finding[] {
  const says = "whether it is active cannot be told";
  return [
    ...(zone.status === undefined
      ? [warning({ subject: `zone ${zone.name}`, says, todo: "Look in the dashboard" })]
      : []),
    ...zoneTroubles(zone).map(problem),
  ];
}

/**
 * Bot protection runs before Access, and no rule can except a host from Bot Fight Mode (cloudflare-docs,
 * bots/get-started/bot-fight-mode).
 */
export function botFinding(zoneName: string, protection: BotProtection | undefined): Finding {
  const subject = `zone ${zoneName}`;
  const { fightMode, definitelyAutomated } = protection ?? {};
  if (fightMode === undefined && definitelyAutomated === undefined) {
    return warning({
      subject,
      says: "whether Bot Fight Mode is on cannot be told",
      todo: "Look in the dashboard's security settings",
    });
  }
  if (fightMode === true) {
    return problem({
      subject,
      says: "Bot Fight Mode is on, which stops collectors before Access sees them",
      todo: "Turn it off in the dashboard's security settings, or take a zone of its own for the push hosts",
    });
  }
  return definitelyAutomated === undefined || definitelyAutomated === "allow"
    ? ok(`Bot Fight Mode is off on ${zoneName}`)
    : warning({
        subject,
        says: `Super Bot Fight Mode answers what is automated with "${definitelyAutomated}", and collectors are`,
        todo: 'Set "Definitely automated" to Allow, or write a rule that skips it for the push hosts',
      });
}
