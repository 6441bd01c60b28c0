/** How bad something is: a problem stops `up` or the pushes, a warning should be known. */
export type Level = "ok" | "warning" | "problem";

/** What a finding is about, in the order in which they are shown. */
export const topics = [
  "configuration",
  "API token",
  "zone",
  "Zero Trust",
  "service tokens",
  "host names",
  "tunnel",
] as const;
export type Topic = (typeof topics)[number];

/** One thing that was looked at. Of a warning or problem the text is a whole message: what is wrong, and what to do. */
export interface Finding {
  readonly topic: Topic;
  readonly level: Level;
  readonly says: string;
}

/** Findings of one topic. */
export interface TopicFindings {
  readonly ok: (says: string) => Finding;
  readonly warning: (says: string) => Finding;
  readonly problem: (says: string) => Finding;
}

export function findingsOn(topic: Topic): TopicFindings {
  const finding = (level: Level) => (says: string) => ({ topic, level, says });
  return { ok: finding("ok"), warning: finding("warning"), problem: finding("problem") };
}

/** In the order of topics, each message once: one cause is met by many calls. */
export function inOrder(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Set<string>();
  return findings
    .filter(({ says }) => !seen.has(says) && seen.add(says))
    .map((finding, index) => ({ finding, index, topic: topics.indexOf(finding.topic) }))
    .sort((a, b) => a.topic - b.topic || a.index - b.index)
    .map(({ finding }) => finding);
}
