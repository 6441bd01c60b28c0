import { problemText, type Problem } from "../../fleet/problem";

/** What a finding is about, in the order in which findings are shown. */
const topics = [
  "configuration",
  "API token",
  "zone",
  "Zero Trust",
  "service tokens",
  "host names",
  "tunnel",
] as const;

type Topic = (typeof topics)[number];

/** One thing that was looked at: a problem stops `up` or the pushes, a warning is good to know. */
export type Finding =
  | { readonly topic: Topic; readonly level: "ok"; readonly says: string }
  | { readonly topic: Topic; readonly level: "warning" | "problem"; readonly problem: Problem };

export const findingText = (finding: Finding): string =>
  finding.level === "ok" ? finding.says : problemText(finding.problem);

/** Makes the findings of one topic. */
export const findingsOn = (topic: Topic) => ({
  ok: (says: string): Finding => ({ topic, level: "ok", says }),
  warning: (problem: Problem): Finding => ({ topic, level: "warning", problem }),
  problem: (problem: Problem): Finding => ({ topic, level: "problem", problem }),
});

/** In the order of topics, each message once: many calls may fail for one cause. */
export function inOrder(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Set<string>();
  return findings
    .filter((finding) => !seen.has(findingText(finding)) && seen.add(findingText(finding)))
    .map((finding) => ({ finding, topic: topics.indexOf(finding.topic) }))
    .sort((a, b) => a.topic - b.topic)
    .map(({ finding }) => finding);
}
