import { ZeroTrustAccessServiceToken } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { roughDuration } from "../fleet/duration";
import { problemText, type Problem } from "../fleet/problem";
import type { Site, SiteElsewhere } from "../fleet/sites";
import { brakeProblems } from "./preflight";
import { propertyOf, resourceHook } from "./pulumi-program";

interface SitePassesArgs {
  readonly accountId: string;
  readonly sites: readonly Site[];
  /** The sites of other shards, of which nothing is declared. */
  readonly elsewhere: readonly SiteElsewhere[];
  /** Prefix of the tokens' names in Cloudflare; see names.ts. */
  readonly ownPrefix: string;
  /** How many sites may go beyond the brake. */
  readonly allowRemovals: number;
}

/**
 * One Access service token for each site.
 *
 * One component for the fleet, because a component for each site would double the resources that the engine keeps.
 */
export class SitePasses extends pulumi.ComponentResource {
  /** By site name. */
  readonly tokens: ReadonlyMap<string, ZeroTrustAccessServiceToken>;

  constructor(name: string, args: SitePassesArgs, opts?: pulumi.ComponentResourceOptions) {
    const guardOfAll = fleetGuard(args);
    super(
      "sitepass:provision:SitePasses",
      name,
      // Kept in the state, so that the engine shows the guard what was before, whatever the tokens are called. No more of the
      // args: it would be kept a second time.
      {
        sites: args.sites.map((site) => site.name),
        rotations: Object.fromEntries(
          args.sites
            .filter(({ token }) => token.secretVersion > 1)
            .map(({ name: site, token }) => [site, token.secretVersion]),
        ),
      },
      { ...opts, ...(guardOfAll === undefined ? {} : { hooks: { beforeUpdate: [guardOfAll] } }) },
    );
    const guard = secretVersionGuard();
    const watch = lostSecretWatch();
    const hooks = {
      ...(guard === undefined ? {} : { beforeUpdate: [guard] }),
      ...(watch === undefined ? {} : { afterUpdate: [watch] }),
    };
    this.tokens = new Map(
      args.sites.map((site) => [
        site.name,
        new ZeroTrustAccessServiceToken(
          // The logical name is the site's identity: another name is another token with another secret, and the
          // site's pushes are refused from then on. It comes from the file's name alone and is never "cleaned up".
          site.name,
          {
            accountId: args.accountId,
            name: args.ownPrefix + site.name,
            duration: site.token.duration,
            enabled: site.token.enabled,
            // Each of the two requires the other in the provider; version 1 is its default and goes without a time.
            ...(site.token.previousSecretExpiresAt === undefined
              ? {}
              : {
                  clientSecretVersion: site.token.secretVersion,
                  previousClientSecretExpiresAt: site.token.previousSecretExpiresAt,
                }),
          },
          { parent: this, hooks },
        ),
      ]),
    );
    this.registerOutputs({});
  }
}

/**
 * What the engine knows of the whole fleet, before any token, policy or application is changed: the sites and secret versions
 * that this component was declared with the last time, against those of now. The brake on removals goes by it, and not by
 * the tokens' names, which another project or stack name changes; and versions that went back are refused together, before
 * new sites' tokens are made.
 */
const fleetGuard = ({ allowRemovals, elsewhere }: Pick<SitePassesArgs, "allowRemovals" | "elsewhere">) =>
  resourceHook("sitepass-fleet-guard", ({ oldInputs, newInputs }) => {
    const before = fleetSchema.parse(oldInputs);
    const now = fleetSchema.parse(newInputs);
    const gone = before.sites.filter((site) => !now.sites.includes(site));
    return [
      ...brakeProblems(before.sites.length, gone, allowRemovals, elsewhere),
      ...Object.entries(before.rotations)
        .filter(([site]) => now.sites.includes(site))
        .flatMap(([site, version]) => loweredVersionProblem(site, version, now.rotations[site] ?? 1) ?? []),
    ];
  });

/** This component's inputs; earlier ones had none. */
const fleetSchema = z.object({
  sites: z.array(z.string()).default([]),
  rotations: z.record(z.string(), z.number()).default({}),
});

/**
 * A hook that refuses to lower a token's secret version, to drop it after a rotation, or to rotate so late that the
 * secret in use would end with it. What ends within the hour is said.
 *
 * The provider would send the lower version as one more change, and what Cloudflare makes of it is not documented: at
 * worst a second rotation without a grace window, which cuts the site off. Only the engine knows the version before,
 * so this cannot be checked with the site files.
 */
const secretVersionGuard = () =>
  resourceHook("sitepass-secret-version-guard", ({ name, oldInputs, newInputs }) => {
    const before = versionIn(oldInputs);
    const rotation = { version: versionIn(newInputs), oldSecretEnds: endIn(newInputs), now: new Date() };
    const warning = shortWindowWarning(name, before, rotation);
    if (warning !== undefined) {
      void pulumi.log.warn(problemText(warning));
    }
    return (
      loweredVersionProblem(name, before, rotation.version) ?? closedWindowProblem(name, before, rotation)
    );
  });

/**
 * A hook that says when a rotation brought no new secret, and has `up` fail with it. Cloudflare tells a secret once, in
 * the answer to the call that makes it: where that answer is lost, the call is repeated by the provider, or by the next `up`
 * after a kill, and is answered without one (docs/rotation.md, "What `--confirm` proves").
 */
const lostSecretWatch = () =>
  resourceHook(
    "sitepass-lost-secret-watch",
    async ({ name, oldInputs, newInputs, oldOutputs, newOutputs }) => {
      const rotation = { version: versionIn(newInputs), oldSecretEnds: endIn(newInputs) };
      const [before, after] = await Promise.all([oldOutputs, newOutputs].map(secretIn));
      return lostSecretProblem(name, versionIn(oldInputs), rotation, before === after);
    },
    { inPreviews: false },
  );

/** What a rotation means that left the stack with the secret that it had. */
export function lostSecretProblem(
  site: string,
  before: number,
  { version, oldSecretEnds }: Pick<UpcomingRotation, "version" | "oldSecretEnds">,
  unchanged: boolean,
): Problem | undefined {
  return version > before && unchanged
    ? {
        subject: `sites/${site}`,
        says: `version ${version} of its secret was made, and the answer with it was lost: nobody has it, and the secret before works until ${oldSecretEnds}`,
        todo: `Be ready to put another one in place at the site, then run \`npx sitepass rotate ${site} --force\` and \`pulumi up\`, which ends the one before`,
      }
    : undefined;
}

/** What is wrong with going from one secret version to another, or undefined. */
export function loweredVersionProblem(site: string, before: number, after: number): Problem | undefined {
  return after >= before
    ? undefined
    : {
        subject: `sites/${site}`,
        says: `token.secretVersion is ${after}, and ${before} is in use`,
        todo: `Set it back to ${before} with its previousSecretExpiresAt, or raise it to ${before + 1} to rotate`,
      };
}

/** A rotation as `up` would carry it out. */
interface UpcomingRotation {
  readonly version: number;
  /** When the secret in use stops: RFC 3339; empty when the file does not say. */
  readonly oldSecretEnds: string;
  readonly now: Date;
}

/**
 * How long after the window's end `up` still carries a rotation out: `rotate --now` writes a window that has closed
 * already, and is followed by `up` when a person gets to it.
 */
const immediateRotationGrace = 60 * 60 * 1000;

/** What is wrong with a rotation whose window has closed before `up` came to it: the secret in use would end with it. */
export function closedWindowProblem(
  site: string,
  before: number,
  { version, oldSecretEnds, now }: UpcomingRotation,
): Problem | undefined {
  const late = now.getTime() - Date.parse(oldSecretEnds);
  return version > before && late > immediateRotationGrace
    ? {
        subject: `sites/${site}`,
        says: `token.secretVersion rises from ${before} to ${version}, and the window of that rotation closed ${roughDuration(late)} ago (${oldSecretEnds}): the secret in use would stop with this up, and what the site pushes with it would be refused`,
        todo: `Set token.previousSecretExpiresAt to a time to come, or run \`npx sitepass rotate ${site}\` again; if that secret is to stop at once, run \`npx sitepass rotate ${site} --now\` and \`pulumi up\` within the hour`,
      }
    : undefined;
}

/** What a person should know of a rotation that leaves the secret in use less than an hour. */
export function shortWindowWarning(
  site: string,
  before: number,
  { version, oldSecretEnds, now }: UpcomingRotation,
): Problem | undefined {
  const left = Date.parse(oldSecretEnds) - now.getTime();
  return version > before && Math.abs(left) <= immediateRotationGrace
    ? {
        subject: `sites/${site}`,
        says: `the secret in use stops ${left > 0 ? `${roughDuration(left)} after` : "with"} this up`,
        todo: "Put the new one in place at once: what is pushed with the old one is refused from then on",
      }
    : undefined;
}

function versionIn(inputs: unknown): number {
  const version = propertyOf(inputs, "clientSecretVersion");
  // 1 is the provider's default.
  return typeof version === "number" ? version : 1;
}

function endIn(inputs: unknown): string {
  const end = propertyOf(inputs, "previousClientSecretExpiresAt");
  return typeof end === "string" ? end : "";
}

/** Only to be compared. The SDK hands secrets to hooks as Outputs. */
const secretIn = (outputs: unknown): Promise<unknown> =>
  new Promise((resolve) => {
    const secret = propertyOf(outputs, "clientSecret");
    if (pulumi.Output.isInstance<string>(secret)) {
      secret.apply(resolve);
    } else {
      resolve(secret);
    }
  });
