import { problemText } from "../../fleet/problem";
import type { CallResult } from "../../cloudflare/client";
import type { Config } from "../../fleet/config";
import { hostInZoneProblem } from "../../fleet/names";
import type { AccountZone, BotProtection } from "../../cloudflare/zones";
import { findingsOn, type Finding } from "./finding";

const { ok, warning, problem } = findingsOn("zone");

/** Whether the zone can carry the host names. */
export function judgeZone(
  found: CallResult<AccountZone | undefined>,
  config: Pick<Config, "zone" | "accountId" | "endpoints">,
): readonly Finding[] {
  const wanted = "id" in config.zone ? config.zone.id : config.zone.name;
  if (found.kind === "failed" && found.status !== 404) {
    return [problem(problemText(found.problem))];
  }
  const zone = found.kind === "answered" ? found.value : undefined;
  if (zone === undefined) {
    const reason = found.kind === "forbidden" ? ` (${found.reason})` : "";
    // Without "Zone" Read Cloudflare may refuse, or list no zone: the two cannot be told apart.
    return [
      problem(
        `sitepass:zone: is "${wanted}", and Cloudflare shows the API token no such zone${reason}. Check the spelling, that the zone is in the account, and that the token has the permission "Zone" Read for it.`,
      ),
    ];
  }
  const findings = [...accountFindings(zone, config), ...statusFindings(zone), ...hostFindings(zone, config)];
  return findings.length > 0 ? findings : [ok(`zone ${zone.name} is active, and in the account`)];
}

/** A tunnel serves host names of its own account only (cloudflare-docs, tunnel/dns-records-intro). */
function accountFindings(zone: AccountZone, { accountId }: Pick<Config, "accountId">): readonly Finding[] {
  return zone.accountId === undefined || zone.accountId === accountId
    ? []
    : [
        problem(
          `sitepass:accountId: is ${accountId}, and the zone ${zone.name} belongs to account ${zone.accountId}. Configure account and zone that belong together.`,
        ),
      ];
}

function statusFindings({ name, status, paused }: AccountZone): readonly Finding[] {
  return [
    ...(status === "active"
      ? []
      : [
          status === undefined
            ? warning(`zone ${name}: whether it is active cannot be told. Look in the dashboard.`)
            : problem(
                `zone ${name}: is ${status}, not active, so its names lead nowhere yet. Set the name servers that the dashboard shows at the registrar, and wait for Cloudflare's e-mail.`,
              ),
        ]),
    ...(paused
      ? [
          problem(
            `zone ${name}: is paused, so Cloudflare proxies none of its names and Access guards none. Enable Cloudflare on the zone again, on its Overview page.`,
          ),
        ]
      : []),
  ];
}

/** With a zone given by name these are found offline. */
function hostFindings(zone: AccountZone, config: Pick<Config, "zone" | "endpoints">): readonly Finding[] {
  return "name" in config.zone
    ? []
    : config.endpoints.flatMap(({ signal, hostname }) => {
        const wrong = hostInZoneProblem(hostname, zone.name);
        return wrong === undefined
          ? []
          : [problem(`sitepass:endpoints.${signal}.hostname: is "${hostname}", which ${wrong}.`)];
      });
}

/**
 * Whether the zone's bot protection leaves collectors alone. It runs before Access, and no rule can except a host from Bot
 * Fight Mode (cloudflare-docs, bots/get-started/bot-fight-mode).
 */
export function judgeBotProtection(
  zoneName: string,
  protection: BotProtection | undefined,
): readonly Finding[] {
  if (protection?.fightMode === undefined && protection?.definitelyAutomated === undefined) {
    return [
      warning(
        `zone ${zoneName}: whether Bot Fight Mode is on cannot be told. Look in the dashboard's security settings.`,
      ),
    ];
  }
  if (protection.fightMode === true) {
    return [
      problem(
        `zone ${zoneName}: Bot Fight Mode is on, which stops collectors before Access sees them. Turn it off in the dashboard's security settings, or take a zone of its own for the push hosts.`,
      ),
    ];
  }
  const { definitelyAutomated } = protection;
  return [
    definitelyAutomated === undefined || definitelyAutomated === "allow"
      ? ok(`Bot Fight Mode is off on ${zoneName}`)
      : warning(
          `zone ${zoneName}: Super Bot Fight Mode answers what is automated with "${definitelyAutomated}", and collectors are. Set "Definitely automated" to Allow, or write a rule that skips it for the push hosts.`,
        ),
  ];
}
