import { configSchema } from "../../fleet/config-schema";
import { hostInZoneProblem, hostNameProblem } from "../../fleet/names";
import { throwIfAny, type Problem } from "../../fleet/problem";
import { nearest, someOf } from "../../fleet/wording";
import { splitAdvice } from "../../fleet/zod-issues";
import type { SeenByToken, SeenTeam } from "./seen-account";
import { alreadyThere, stackValues, type StackFile, type StackValues, type ValueName } from "./stack-file";

/** A value that is needed and was not given. */
export interface Question {
  readonly name: ValueName;
  /** What it is, as a heading. */
  readonly title: string;
  /** What the file says now. */
  readonly current: string | undefined;
  /** What is likely right, where nothing stands there. */
  readonly proposal: string | undefined;
  /** What it can be; empty where that is not known. */
  readonly choices: readonly { readonly value: string; readonly about: string }[];
  /** Whether the stack can do without. */
  readonly optional: boolean;
  /** What is wrong with an answer, as `<predicate>. <advice>`. */
  readonly problemOf: (text: string) => string | undefined;
}

/** Answers a question; undefined where nobody does. */
export type Ask = (question: Question) => Promise<string | undefined>;

interface Choosing {
  readonly stackName: string;
  readonly given: StackValues;
  readonly overwrite: boolean;
  readonly file: StackFile;
  /** What the project's other stacks have filled in. */
  readonly others: readonly StackValues[];
  /** Undefined where Cloudflare was not asked. */
  readonly seen: SeenByToken | undefined;
  readonly teamOf: (accountId: string) => Promise<SeenTeam | undefined>;
  readonly ask: Ask;
}

/**
 * Finds every value of a stack: what is given counts, then what is answered.
 *
 * @throws UserError with everything that is wrong or missing.
 */
export async function chooseValues(
  choosing: Choosing,
): Promise<{ readonly values: StackValues; readonly warnings: readonly Problem[] }> {
  const { file, given, others, overwrite, seen, stackName, teamOf, ask } = choosing;
  const problems: Problem[] = [];
  const warnings: Problem[] = [];

  const decide = async (
    name: ValueName,
    {
      title,
      proposal,
      choices = [],
      optional = false,
      problemOf,
    }: Partial<Question> & Pick<Question, "title" | "problemOf">,
  ): Promise<string | undefined> => {
    const { option } = stackValues[name];
    const current = file.filledIn[name];
    const value = given[name];
    if (value !== undefined) {
      const wrong = problemOf(value);
      if (wrong !== undefined) {
        problems.push({ subject: option, ...said(value, wrong) });
      } else if (current !== undefined && current !== value && !overwrite) {
        problems.push(alreadyThere(file.file, name, current, value));
      }
      return wrong === undefined ? value : undefined;
    }
    const answer = await ask({ name, title, current, proposal, choices, optional, problemOf });
    if (answer === undefined && !optional) {
      problems.push({ subject: option, ...missing(proposal, choices) });
    } else if (answer !== undefined && answer === current) {
      // What stands in the file was not looked at yet.
      const wrong = problemOf(answer);
      if (wrong !== undefined) {
        problems.push({
          subject: `sitepass:${stackValues[name].path.join(".").replace("sitepass:", "")}`,
          ...said(answer, wrong),
        });
      }
    }
    return answer;
  };

  const accounts = seen?.accounts ?? [];
  const account = await decide("account", {
    title: "The Cloudflare account, by its ID: 32 hexadecimal digits",
    proposal: accounts.length === 1 ? accounts[0]?.id : undefined,
    choices: accounts.map(({ id, name }) => ({ value: id, about: name })),
    problemOf: (id) =>
      fieldProblem("accountId", id) ??
      (accounts.length === 0 || accounts.some((one) => one.id === id)
        ? undefined
        : `is not an account that the API token is shown. It is shown ${someOf(accounts.map((one) => `${one.id} (${one.name})`))}`),
  });

  const zones = (seen?.zones ?? []).filter(
    (one) => account === undefined || one.account === undefined || one.account.id === account,
  );
  const zoneNames = zones.map(({ name }) => name);
  const zone = await decide("zone", {
    title: "The zone that the host names lie in, such as example.com",
    proposal: zones.length === 1 ? zoneNames[0] : undefined,
    choices: zones.map(({ name, status = "" }) => ({
      value: name,
      about: status === "active" ? "" : status,
    })),
    problemOf: (text) => fieldProblem("zone", text) ?? zoneProblem(text, account, seen, zoneNames),
  });
  const found = zones.find(({ name, id }) => name === zone || id === zone);
  if (found !== undefined && found.status !== "active") {
    warnings.push({
      subject: `zone ${found.name}`,
      says: `is ${found.status ?? "in an unknown state"}, not active, so its names lead nowhere yet`,
      todo: "Set the name servers that the dashboard shows at the registrar, and wait for Cloudflare's e-mail",
    });
  }
  // Also of a zone that is refused: the host names are not missing as well because of it.
  const typed = zone ?? given.zone;
  const zoneName =
    found?.name ?? (typed === undefined || hostNameProblem(typed) !== undefined ? undefined : typed);

  const hostOf = (name: "metricsHost" | "logsHost", label: string, what: string) => {
    const isTaken = (host: string) => others.some((one) => one[name] === host);
    const usual = `${label}.${zoneName}`;
    const wrong = (host: string) =>
      hostNameProblem(host) ?? (zoneName === undefined ? undefined : hostInZoneProblem(host, zoneName));
    return decide(name, {
      title: `The host name that ${what} are pushed to, directly below the zone`,
      proposal:
        zoneName === undefined
          ? undefined
          : isTaken(usual)
            ? `${label}-${stackName.toLowerCase()}.${zoneName}`
            : usual,
      problemOf: wrong,
    });
  };
  const metricsHost = await hostOf("metricsHost", "prom", "metrics");
  const logsHost = await hostOf("logsHost", "loki", "logs");

  const shipped = "central-observability";
  const byAddress =
    file.filledIn.tunnel === undefined &&
    file.filledIn.account !== undefined &&
    file.raw["sitepass:publish"]?.includes('"addresses"') === true;
  const tunnel =
    byAddress && given.tunnel === undefined
      ? undefined
      : await decide("tunnel", {
          title: "The name of the tunnel, which up makes",
          proposal: others.some((one) => one.tunnel === shipped) ? `central-${stackName}` : shipped,
          problemOf: (name) => tunnelProblem(name),
        });

  const team = account === undefined ? undefined : await teamOf(account);
  warnings.push(
    ...(given.team === undefined && file.filledIn.team === undefined ? (team?.warnings ?? []) : []),
  );
  const current = file.filledIn.team;
  const teamName =
    team?.name !== undefined && given.team === undefined && (current === undefined || current === team.name)
      ? team.name
      : await decide("team", {
          title:
            "The Zero Trust team name, the part before .cloudflareaccess.com; empty: each up looks it up",
          proposal: team?.name,
          optional: true,
          problemOf: (name) =>
            fieldProblem("teamName", name) ??
            (team?.name === undefined || team.name === name
              ? undefined
              : `is not the account's, and cloudflared would refuse every push. Give ${team.name}`),
        });
  const identity =
    given.identity === undefined
      ? file.filledIn.identity
      : await decide("identity", { title: "identity", problemOf: (text) => fieldProblem("identity", text) });
  throwIfAny(problems);
  const chosen = { account, zone, metricsHost, logsHost, tunnel, team: teamName, identity };
  return {
    values: Object.fromEntries(
      Object.entries(chosen).filter(([, value]) => value !== undefined && value !== ""),
    ),
    warnings,
  };
}

/** What the schema of the configuration says of a value, as `<predicate>. <advice>`. */
function fieldProblem(key: "accountId" | "zone" | "teamName" | "identity", text: string): string | undefined {
  const issue = configSchema.shape[key].safeParse(text).error?.issues[0];
  return issue?.code === "invalid_value"
    ? `is not known. Choose ${issue.values.map(String).join(", ")}`
    : issue?.message;
}

const tunnelProblem = (name: string): string | undefined =>
  configSchema.shape.publish.safeParse({ tunnel: { name } }).error?.issues[0]?.message;

function zoneProblem(
  text: string,
  account: string | undefined,
  seen: SeenByToken | undefined,
  names: readonly string[],
): string | undefined {
  if (seen === undefined || seen.zones.length === 0) {
    return undefined;
  }
  const found = seen.zones.filter(({ name, id }) => name === text || id === text);
  const ofAccount = found.filter(
    (one) => account === undefined || one.account === undefined || one.account.id === account,
  );
  if (ofAccount.length > 0) {
    return undefined;
  }
  const [elsewhere] = found;
  if (elsewhere !== undefined) {
    return `belongs to account ${elsewhere.account?.id}. Give that account, or a zone of ${account}`;
  }
  const meant = nearest(text, names);
  const shown =
    names.length === 0 ? "The API token is shown no zone of that account" : `It is shown ${someOf(names)}`;
  return `is not a zone that the API token is shown. ${meant === undefined ? "" : `Did you mean ${meant}? `}${shown}`;
}

function said(value: string, wrong: string): Omit<Problem, "subject"> {
  const { says, todo } = splitAdvice(wrong);
  return { says: `is ${JSON.stringify(value)}, which ${says}`, todo };
}

function missing(proposal: string | undefined, choices: Question["choices"]): Omit<Problem, "subject"> {
  if (proposal !== undefined) {
    return { says: "is not given", todo: `Give it, such as ${proposal}, or take --yes for what is proposed` };
  }
  const shown = choices.map(({ value, about }) => (about === "" ? value : `${value} (${about})`));
  return shown.length === 0
    ? { says: "is not given", todo: "Give it, or run this on a terminal to be asked" }
    : { says: "is not given, and there are several", todo: `Give one of ${someOf(shown)}` };
}
