import pc from "picocolors";
import type { OpenStack } from "../stack/open-stack";
import { confirmSites, rotationsUnderWay, type Confirmation } from "../operate/rotate/confirm-sites";
import { selectSites } from "../operate/select-sites";
import type { FleetVerdict } from "../operate/verify/verdict";
import { verifySites } from "../operate/verify/verify-sites";
import { watchSites } from "../operate/verify/watch";
import type { Site } from "../fleet/sites";
import { UserError } from "../fleet/problem";
import type { ExitCode } from "./stack-command";
import { progressBar } from "./progress-bar";
import { textTable } from "./text-table";
import { readVia } from "./via-option";
import { sayProblems } from "./warn";

export interface ConfirmOptions {
  /** Names; empty with `all`. */
  readonly sites: readonly string[];
  readonly all: boolean;
  /** Each `<site>=<fingerprint>`. */
  readonly former: readonly string[];
  /** Milliseconds. */
  readonly wait: number;
  readonly via?: string;
  /** The stack is one of local/engine, whose hosts exist on this machine only. */
  readonly onStandIn: boolean;
  readonly json: boolean;
}

/** Milliseconds between two tries of a secret that is not let in yet. */
const pause = 5000;

/** Proves for each chosen site that `up` changed its secret and that the new one is let in; exit code 1 unless it is so for all. */
export async function confirmRotations(
  stack: OpenStack,
  options: ConfirmOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const now = new Date();
  const via = readVia(options);
  const sites = options.all ? await rotationsUnderWay(stack, now) : selectSites(stack.sites, options.sites);
  const former = readFormer(options.former, sites);
  const outputs = await stack.outputs();
  const lookOnce = async (some: readonly Site[]): Promise<FleetVerdict> => {
    const bar = progressBar("requests");
    try {
      return await verifySites(some, { config: stack.config, outputs, via, signal, onProgress: bar.update });
    } finally {
      bar.stop();
    }
  };
  const { confirmations, problems } = await confirmSites(sites, {
    stack,
    outputs,
    former,
    now,
    look: (some) =>
      watchSites(some, {
        look: lookOnce,
        interval: pause,
        timeout: options.wait,
        signal,
        onLook: () => {
          console.error(`Not all is as it must be yet. Looking again in ${pause / 1000} seconds.`);
        },
      }),
  });
  const all = [...confirmations.flatMap((one) => one.problems), ...problems];
  if (options.json) {
    console.log(JSON.stringify({ sites: confirmations.map(asDocument), problems: all }, undefined, 2));
  } else {
    show(confirmations);
    sayProblems(all);
  }
  return confirmations.every(({ ok }) => ok) ? 0 : 1;
}

/** @throws UserError */
function readFormer(former: readonly string[], sites: readonly Site[]): ReadonlyMap<string, string> {
  const given = former.map((text) => /^([^=]+)=([0-9a-f]{12})$/.exec(text));
  const problems = former.flatMap((text, index) => {
    const name = given[index]?.[1];
    if (name === undefined) {
      return [
        `--former: is "${text}", and no site with the 12 hexadecimal digits of a fingerprint. Write it as in tokyo=0123456789ab.`,
      ];
    }
    return sites.some((site) => site.name === name)
      ? []
      : [`--former: names ${name}, which is not among the sites to confirm. Name it there too.`];
  });
  if (problems.length > 0) {
    throw new UserError(problems);
  }
  return new Map(given.map((match) => [match?.[1] ?? "", match?.[2] ?? ""]));
}

function asDocument({ site, ok, change, letIn }: Confirmation): object {
  return {
    site: site.name,
    ok,
    secret: change.kind,
    formerFingerprint: change.kind === "changed" ? change.from : null,
    fingerprint: fingerprintOf(change) ?? null,
    letIn: letIn ?? null,
    oldSecretUntil: site.token.previousSecretExpiresAt ?? null,
  };
}

function show(confirmations: readonly Confirmation[]): void {
  if (confirmations.length === 0) {
    console.log("Nothing to confirm: no rotation is under way that was not confirmed already.");
    return;
  }
  console.log(
    textTable(
      ["site", "rotation", "secret", "let in", "old secret until"],
      confirmations.map(({ site, ok, change, letIn }) => [
        site.name,
        ok ? pc.green("confirmed") : pc.red("not confirmed"),
        inWords(change),
        letIn === undefined ? "not tried" : letIn ? "yes" : "no",
        site.token.previousSecretExpiresAt ?? "",
      ]),
    ),
  );
}

function inWords(change: Confirmation["change"]): string {
  const now = fingerprintOf(change);
  switch (change.kind) {
    case "changed":
      return `${change.from === null ? "unknown" : `sha256 ${change.from}`} -> ${now ?? ""}`;
    case "unchanged":
      return `sha256 ${now ?? ""}, as before`;
    case "unknown":
      return `sha256 ${now ?? ""}, before unknown`;
    case "none":
      return "none";
  }
}

function fingerprintOf(change: Confirmation["change"]): string | undefined {
  switch (change.kind) {
    case "changed":
    case "unknown":
      return change.to;
    case "unchanged":
      return change.fingerprint;
    case "none":
      return undefined;
  }
}
