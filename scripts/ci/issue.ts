import { findOwn, openGitHub, runPage, type GitHub, type Written } from "./github";
import { dailyCheckNames } from "./daily-checks";
import { block, readResults, shareOf, stackNames, type StackResult } from "./results";

// Keeps the one issue that says what the daily run found: opens it, brings it up to date, and closes it when all is well.
//
//   SITEPASS_STACKS='["prod"]' npx tsx scripts/ci/issue.ts <folder of results>

export const issueMarker = "<!-- sitepass: daily -->";
export const issueLabel = "sitepass-daily";

/** One thing that is wrong. */
interface Alarm {
  readonly stack: string;
  readonly title: string;
  readonly exitCode: number | undefined;
  readonly text: string;
}

/** Everything that is wrong: a check that failed, and one of which nothing came back, because silence is not health. */
export function alarmsIn(stacks: readonly string[], results: readonly StackResult[]): readonly Alarm[] {
  return stacks.flatMap((stack) =>
    dailyCheckNames.flatMap((title): Alarm | readonly Alarm[] => {
      const result = results.find((one) => one.stack === stack && one.title === title);
      if (result === undefined) {
        return {
          stack,
          title,
          exitCode: undefined,
          text: "It did not run to its end, so nobody knows.",
        };
      }
      return result.exitCode === 0 ? [] : result;
    }),
  );
}

const whatToDo: Readonly<Record<string, string>> = {
  renew: "A token that expires soon could not be renewed. What it says names the site and the reason.",
  status: "Something is wrong with a site, a token or what is seen of it. The last column says what to do.",
  drift: "Cloudflare is not as the program wants it: somebody changed it by hand, or an `up` is outstanding.",
};

/** In the issue's text, for the next run: what was wrong, so that people are told of what is new and of nothing else. */
const fingerprintOf = (alarms: readonly Alarm[]): string =>
  `<!-- wrong: ${alarms.map(({ stack, title }) => `${stack} ${title}`).join(", ")} -->`;

export function issueText(alarms: readonly Alarm[], page: string): string {
  const share = shareOf(alarms.length);
  return [
    issueMarker,
    fingerprintOf(alarms),
    `The daily run found something wrong ([run](${page})). This issue is closed by the first run that finds all well.`,
    ...alarms.map(
      ({ stack, title, exitCode, text }) =>
        `### \`${stack}\`: ${title}${exitCode === undefined ? "" : ` (exit code ${exitCode})`}\n\n${whatToDo[title] ?? ""}\n\n${block(text, share)}`,
    ),
  ].join("\n\n");
}

/** What is to be done with the issue. */
export type IssueStep =
  | { readonly step: "nothing" }
  | { readonly step: "open"; readonly body: string }
  /** With a comment where something else is wrong than before: an edit alone notifies nobody. */
  | { readonly step: "update"; readonly body: string; readonly comment: string | undefined }
  | { readonly step: "close"; readonly comment: string };

export function planIssue(open: Written | undefined, alarms: readonly Alarm[], page: string): IssueStep {
  if (alarms.length === 0) {
    return open === undefined
      ? { step: "nothing" }
      : { step: "close", comment: `All is well again ([run](${page})).` };
  }
  const body = issueText(alarms, page);
  if (open === undefined) {
    return { step: "open", body };
  }
  const list = alarms.map(({ stack, title }) => `\`${stack}\` ${title}`).join(", ");
  return {
    step: "update",
    body,
    comment: open.body.includes(fingerprintOf(alarms))
      ? undefined
      : `Something else is wrong than before: ${list} ([run](${page})).`,
  };
}

export async function keepIssue(github: GitHub, alarms: readonly Alarm[], page: string): Promise<IssueStep> {
  const open = findOwn(await github.list(`/issues?state=open&labels=${issueLabel}`), issueMarker);
  const plan = planIssue(open, alarms, page);
  const path = `/issues/${open?.number ?? ""}`;
  switch (plan.step) {
    case "nothing":
      break;
    case "open":
      // A label that does not exist yet is made with it.
      await github.ask("POST", "/issues", {
        title: "The daily run found something wrong",
        body: plan.body,
        labels: [issueLabel],
      });
      break;
    case "update":
      await github.ask("PATCH", path, { body: plan.body });
      if (plan.comment !== undefined) {
        await github.ask("POST", `${path}/comments`, { body: plan.comment });
      }
      break;
    case "close":
      await github.ask("POST", `${path}/comments`, { body: plan.comment });
      await github.ask("PATCH", path, { state: "closed", state_reason: "completed" });
      break;
  }
  return plan;
}

async function main(): Promise<void> {
  const [folder = ""] = process.argv.slice(2);
  const alarms = alarmsIn(stackNames(process.env.SITEPASS_STACKS), readResults(folder));
  const { step } = await keepIssue(openGitHub(process.env), alarms, runPage(process.env));
  for (const { stack, title } of alarms) {
    console.log(`${stack}: ${title} is wrong.`);
  }
  console.log(`The issue: ${step}.`);
  // The run is red too, for those who watch runs.
  process.exitCode = alarms.length === 0 ? 0 : 1;
}

if (require.main === module) {
  void main();
}
