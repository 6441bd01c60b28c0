import { coerce, gte } from "semver";
import type { Problem } from "../../fleet/problem";
import { signalNames } from "../../fleet/signals";
import type { Collector, CollectorRelease, CollectorSite, Placement } from "../collector";
import { credentialProblems } from "./credentials";
import { pushUrlProblem, type PushProtocol } from "./site-settings";

/** A list of the items that are there: write `condition && item` for one that is there under a condition. */
export const listOf = <T>(...items: readonly (T | false | undefined)[]): readonly T[] =>
  items.filter((item): item is T => item !== false && item !== undefined);

/**
 * What a collector's files cannot be made from; begins each collector's refusals. Never shows a credential.
 *
 * @param protocols those that the collector speaks: each needs a write path that speaks it, if the site pushes its signal.
 * @param limits the first that the release does not meet is refused.
 */
export function commonRefusals(
  site: CollectorSite,
  placement: Placement,
  release: CollectorRelease,
  protocols: readonly PushProtocol[],
  ...limits: readonly ReleaseLimit[]
): readonly Problem[] {
  const { directory, credentials } = placement;
  return [
    ...listOf(
      !isVersion(release) && {
        subject: "--release",
        says: `is "${release.version}", which is not a version`,
        todo: "Write it as in 3.10.0, as the collector's --version prints it",
      },
      // Behind the relay, its own files need the same and say so.
      credentials !== undefined &&
        !isPlainPath(directory) && {
          subject: "--install-dir",
          says: `is "${directory}", and collectors, the shell and systemd quote paths differently`,
          todo: plainPathAdvice,
        },
    ),
    ...Object.entries(site.labels)
      // Half of a surrogate pair has no bytes in UTF-8.
      .filter(([, value]) => /\p{Surrogate}/u.test(value))
      .map(([name, value]) => ({
        subject: `labels.${name}`,
        says: `is ${JSON.stringify(value)}, which is not text`,
        todo: "Type it again",
      })),
    ...(credentials === undefined ? [] : credentialProblems(credentials)),
    ...listOf(...protocols.map((protocol) => pushUrlProblem(site, protocol))),
    ...releaseRefusals(placement, release, ...limits),
  ];
}

export const plainPathAdvice =
  "Name an absolute path of letters, digits and ._@+- alone, without a slash at the end";

/** Whether a path is absolute, and the same to every program that reads it: no quotes, no `..`, no slash at its end. */
export const isPlainPath = (path: string): boolean => /^(?:\/(?!\.\.?(?:\/|$))[\w.@+-]+)+$/.test(path);

const isVersion = ({ version }: CollectorRelease): boolean =>
  /^v?\d{1,9}\.\d{1,9}(?:\.\d{1,9})?(?:[-+~][\w.+~-]*)?$/.test(version);

/** Whether the release is this version or a newer one. Parts that were left out count as 0; a packager's suffix does not count. */
export function isAtLeast({ version }: CollectorRelease, least: string): boolean {
  const known = coerce(version);
  return known !== null && gte(known, least);
}

/** What releases before a version lack. */
interface ReleaseLimit {
  readonly before: string;
  /** Whether only a collector that pushes by itself needs it. */
  readonly unlessRelayed?: true;
  /** Follows `is <version>, `. */
  readonly says: string;
  readonly todo: string;
}

/** The first limit that the release does not meet; none for what is not a version, which is refused anyhow. */
export function releaseRefusals(
  { credentials }: Placement,
  release: CollectorRelease,
  ...limits: readonly ReleaseLimit[]
): readonly Problem[] {
  const limit = limits.find(
    ({ before, unlessRelayed }) =>
      !isAtLeast(release, before) && (credentials !== undefined || unlessRelayed !== true),
  );
  return limit === undefined || !isVersion(release)
    ? []
    : [{ subject: "--release", says: `is ${release.version}, ${limit.says}`, todo: limit.todo }];
}

/**
 * Names the signals of the site that the collector leaves out; undefined when there is none.
 *
 * @param others collectors that push them, as the end of a sentence.
 */
export function otherSignalsNote(
  { title, signals }: Pick<Collector, "title" | "signals">,
  { endpoints }: CollectorSite,
  others?: string,
): string | undefined {
  const left = signalNames.filter((signal) => endpoints[signal] !== undefined && !signals.includes(signal));
  return left.length === 0
    ? undefined
    : `${title} pushes ${signals.join(" and ")} alone: the site's ${left.join(" and ")} need a second collector${others === undefined ? "" : `, such as ${others}`}.`;
}

/** How the relay comes before a collector. Either program: a site behind an HTTP proxy has no choice. */
export const takeRelay = "Take the relay (relay: nginx or caddy in the site's file)";

/** For collectors that drop what is answered with 401, 403 or 404, where no relay turns that into a 503. */
export const lossNote = (title: string, { credentials }: Placement): string | undefined =>
  credentials &&
  `${title} never sends again what was answered with 401, 403, 404 or a redirect: what it pushes while its token is expired, shut out or rotated is lost. ${takeRelay} to keep it.`;

/** For collectors that look at nothing but the status of an answer, where no relay looks at the rest. */
export const anyPageNote = (title: string, { credentials }: Placement): string | undefined =>
  credentials &&
  `${title} takes an answer of 200 for a delivery whatever is in it, such as a page of something in the way that asks to log in. ${takeRelay} to rule that out.`;

/** For collectors that follow redirects and have no option against it (docs/facts/collectors.md, K2 to K4). */
export const redirectNote = (title: string, { credentials }: Placement): string | undefined =>
  credentials &&
  `${title} follows redirects, and has no option against it: if central ever answers with one, such as to a login page, it takes the page's 200 for a delivery and hands the page the secret. ${takeRelay} to rule that out.`;

/** Why `follow_redirects` is false, for the rendered files of collectors that have that option. */
export const redirectComment = ({ credentials }: Placement): string =>
  `Never true: a redirect leads to a login page, whose 200 counts as delivered${credentials === undefined ? "" : ", and hands it the secret"}.`;
