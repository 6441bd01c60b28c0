import pc from "picocolors";
import type { OpenStack } from "../stack/open-stack";
import { selectSites } from "../operate/select-sites";
import type { RevealedOutputs } from "../stack/stack-outputs";
import { problemLines, withNames } from "../operate/verify/problem-lines";
import type { FleetVerdict } from "../operate/verify/verdict";
import { verifySites } from "../operate/verify/verify-sites";
import { watchSites } from "../operate/verify/watch";
import { plural } from "../fleet/wording";
import type { Site } from "../fleet/sites";
import { UserError } from "../fleet/problem";
import type { ExitCode } from "./stack-command";
import { progressBar } from "./progress-bar";
import { verdictTable } from "./verdict-table";
import { readVia } from "./via-option";

export interface VerifyCommandOptions {
  /** Empty: all of them. */
  readonly sites: readonly string[];
  readonly watch: boolean;
  /** Seconds. */
  readonly interval: number;
  /** Seconds. */
  readonly timeout?: number;
  /** Seconds. */
  readonly requestTimeout: number;
  readonly concurrency: number;
  readonly via?: string;
  /** The stack is one of local/engine, whose hosts exist on this machine only. */
  readonly onStandIn: boolean;
  readonly json: boolean;
}

/** Tries the chosen sites, shows what came of it, and says with the exit code whether all is as it must be. */
export async function verify(
  stack: OpenStack,
  options: VerifyCommandOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const via = readVia(options);
  const sites = options.sites.length === 0 ? stack.sites : selectSites(stack.sites, options.sites);
  let outputs: RevealedOutputs | undefined;
  const look = async (some: readonly Site[]): Promise<FleetVerdict> => {
    outputs = outputs === undefined ? await stack.outputs() : await anewOr(outputs, stack);
    const bar = progressBar("requests");
    try {
      return await verifySites(some, {
        config: stack.config,
        outputs,
        via,
        concurrency: options.concurrency,
        requestTimeout: options.requestTimeout * 1000,
        signal,
        onProgress: bar.update,
      });
    } finally {
      bar.stop();
    }
  };
  const verdict = options.watch
    ? await watchSites(sites, {
        look,
        interval: options.interval * 1000,
        timeout: options.timeout === undefined ? undefined : options.timeout * 1000,
        signal,
        onLook: (seen) => {
          console.error(`${summary(seen)} Looking again in ${plural(options.interval, "second")}.`);
        },
      })
    : await look(sites);
  if (options.json) {
    console.log(JSON.stringify({ ...withNames(verdict), problems: problemLines(verdict) }, undefined, 2));
  } else {
    show(verdict);
  }
  return verdict.ok ? 0 : 1;
}

/** Whoever watches may run an `up` meanwhile; while it runs, the stack may not be readable. */
async function anewOr(before: RevealedOutputs, stack: OpenStack): Promise<RevealedOutputs> {
  try {
    return await stack.outputs("anew");
  } catch (error) {
    if (error instanceof UserError) {
      return before;
    }
    throw error;
  }
}

function show(verdict: FleetVerdict): void {
  console.log(verdictTable(verdict));
  for (const line of problemLines(verdict)) {
    console.log(`${pc.red("error:")} ${line}`);
  }
  console.log(summary(verdict));
}

function summary({ ok, endpoints, sites }: FleetVerdict): string {
  if (ok) {
    return pc.green(`${plural(sites.length, "site")} tried: all is as it must be.`);
  }
  const part = (all: readonly { readonly ok: boolean }[], noun: string): string[] => {
    const wrong = all.filter((one) => !one.ok).length;
    return wrong === 0 ? [] : [`${wrong} of ${plural(all.length, noun)}`];
  };
  return pc.red(`Not as it must be: ${[...part(endpoints, "host"), ...part(sites, "site")].join(", ")}.`);
}
