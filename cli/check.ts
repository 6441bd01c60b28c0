import pc from "picocolors";
import { attempt } from "../fleet/attempt";
import { checkAccount, type AccountCheck } from "../operate/check/check-account";
import { findingsOn, type Finding, type Level } from "../operate/check/finding";
import type { OpenStack } from "../stack/open-stack";
import { plural } from "../fleet/wording";
import type { ExitCode } from "./stack-command";

export interface CheckOptions {
  readonly offline: boolean;
  readonly readsOnly: boolean;
  readonly json: boolean;
}

/** Checks a stack whose configuration and sites are already known to be valid: it could be opened. */
export async function check(stack: OpenStack, options: CheckOptions): Promise<ExitCode> {
  const { findings, plan } = options.offline ? nothing : await online(stack, options);
  return show([...configuration(stack), ...findings], { ...options, plan });
}

/** What is shown when configuration or sites are wrong, which keeps everything else from being looked at. */
export function showRefusal(problems: readonly string[], options: CheckOptions): Promise<ExitCode> {
  const { problem } = findingsOn("configuration");
  return Promise.resolve(show(problems.map(problem), { ...options, plan: undefined }));
}

const nothing: AccountCheck = { findings: [], plan: undefined };

async function online(stack: OpenStack, { readsOnly }: CheckOptions): Promise<AccountCheck> {
  const { value: api, problems } = await attempt(stack.cloudflareApi);
  return api === undefined
    ? { findings: problems.map(findingsOn("API token").problem), plan: undefined }
    : checkAccount(stack, api, { readsOnly, now: new Date() });
}

function configuration({ sites, stackName }: OpenStack): readonly Finding[] {
  const shutOut = sites.filter(({ token }) => !token.enabled).length;
  const { ok } = findingsOn("configuration");
  return [
    ok(
      `Pulumi.${stackName}.yaml and ${plural(sites.length, "site")}${shutOut === 0 ? "" : ` (${shutOut} shut out)`} are valid`,
    ),
  ];
}

const levels = ["ok", "warning", "problem"] as const satisfies readonly Level[];

const marks: Readonly<Record<Level, string>> = {
  ok: pc.green("ok:"),
  warning: pc.yellow("warning:"),
  problem: pc.red("error:"),
};

function show(
  findings: readonly Finding[],
  { json, offline, plan }: CheckOptions & Pick<AccountCheck, "plan">,
): ExitCode {
  const of = (level: Level) => findings.filter((finding) => finding.level === level);
  const problems = of("problem").length;
  const warnings = of("warning").length;
  if (json) {
    const document = { ok: problems === 0, offline, problems, warnings, findings, plan: plan ?? null };
    console.log(JSON.stringify(document, undefined, 2));
  } else {
    // Worst last: that is what stays in sight.
    for (const level of levels) {
      for (const { says } of of(level)) {
        console.log(`${marks[level]} ${says}`);
      }
    }
    const looked = offline ? " Nothing was asked of Cloudflare." : "";
    console.log(
      problems === 0
        ? `${plural(warnings, "warning")}, no problem.${looked}`
        : pc.bold(`${plural(problems, "problem")}, ${plural(warnings, "warning")}.`),
    );
  }
  return problems === 0 ? 0 : 1;
}
