import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { destinationOf } from "../cloudflare/access-evaluation";
import { listApplications, type AccountApplication } from "../cloudflare/access-applications";
import { findApiCredentials } from "../cloudflare/api-credentials";
import { openCloudflareApi, type CallResult, type CloudflareApi } from "../cloudflare/client";
import { excludesRecord, listRecords } from "../cloudflare/dns-records";
import type { AccountToken } from "../cloudflare/service-tokens";
import { listTunnels } from "../cloudflare/tunnels";
import { problemText, type Problem } from "../fleet/problem";
import { resourceTypes } from "./declared-objects";
import { readHeldObjects } from "./held-objects";
import { leftOverToken } from "./preflight";
import { hookResources, resourceHook, type StackSettings } from "./pulumi-program";

/** An object of the account that stands where one is to be created. */
interface ObjectThere {
  readonly id: string;
  /** The object, for people. */
  readonly subject: string;
  readonly says: string;
  /** What to do about one that is not to be taken in. */
  readonly otherwise: string;
}

/**
 * Before an application, tunnel or record is created, in previews too, asks Cloudflare once whether one is there already,
 * such as one that an interrupted run left behind: the provider would take the refusal (409) for a passing one, try for
 * three minutes, and fail with Cloudflare's words alone. Where Cloudflare cannot be asked, the creation shows what is wrong.
 *
 * A service token's name is not its own, so one that is there is only warned of, and another is created.
 *
 * Call it before anything is declared.
 *
 * @param tokens the account's, where nothing was said yet of those that the stack does not hold.
 */
export function guardCreations(settings: StackSettings, tokens: readonly AccountToken[] | undefined): void {
  const credentials = findApiCredentials(settings.raw, settings.environment);
  if (credentials === undefined) {
    return;
  }
  let opened: CloudflareApi | undefined;
  // One listing serves all applications.
  let applications: Applications | undefined;
  const listOnce: ListApplications = (api, accountId, read) => {
    applications = read === "anew" ? undefined : applications;
    return (applications ??= listApplications(api, accountId));
  };
  const guard = resourceHook("sitepass-creation-guard", ({ type, newInputs }) =>
    type === resourceTypes.token
      ? warnOfToken(newInputs, tokens ?? [])
      : findInTheWay((opened ??= openCloudflareApi(credentials)), lookFor(type, newInputs, listOnce)),
  );
  if (guard !== undefined) {
    hookResources((type) => (guarded.includes(type) ? { beforeCreate: [guard] } : {}));
  }
}

const guarded: readonly string[] = [
  resourceTypes.token,
  resourceTypes.application,
  resourceTypes.tunnel,
  resourceTypes.record,
];

async function warnOfToken(inputs: unknown, tokens: readonly AccountToken[]): Promise<undefined> {
  const { name } = namedSchema.parse(inputs);
  for (const token of tokens.filter((one) => one.name === name)) {
    await pulumi.log.warn(problemText(leftOverToken(name.slice(name.lastIndexOf("/") + 1), name, token.id)));
  }
}

type Applications = Promise<CallResult<readonly AccountApplication[]>>;
type ListApplications = (api: CloudflareApi, accountId: string, read?: "anew") => Applications;

/** How to ask what is there; "anew" where an earlier answer may be old. */
type Look = (api: CloudflareApi, read?: "anew") => Promise<CallResult<readonly ObjectThere[]>>;

const namedSchema = z.object({ name: z.string() });

const applicationSchema = z.object({
  accountId: z.string(),
  destinations: z.array(z.object({ uri: z.string() })),
});
const tunnelSchema = z.object({ accountId: z.string(), name: z.string() });
const recordSchema = z.object({
  zoneId: z.string(),
  name: z.string(),
  type: z.string(),
  // Not known in a preview that also makes the tunnel.
  content: z.string().optional().catch(undefined),
});

/** How to look for what stands where these inputs would create a resource; undefined for types that nothing keeps out. */
function lookFor(type: string, inputs: unknown, applications: ListApplications): Look | undefined {
  switch (type) {
    case resourceTypes.application: {
      const { accountId, destinations } = applicationSchema.parse(inputs);
      const wanted = destinations.map(({ uri }) => uri);
      return async (api, read) =>
        onlyThese(await applications(api, accountId, read), ({ id, name, destinations: covered }) => {
          const shared = covered.map(destinationText).filter((uri) => wanted.includes(uri));
          return shared.length === 0
            ? undefined
            : {
                id,
                subject: `application "${name}"`,
                says: `covers ${shared.join(" and ")} already`,
                otherwise: "delete it or move it to another host in the dashboard",
              };
        });
    }
    case resourceTypes.tunnel: {
      const { accountId, name } = tunnelSchema.parse(inputs);
      return async (api) =>
        onlyThese(await listTunnels(api, accountId, name), ({ id }) => ({
          id,
          subject: `tunnel "${name}"`,
          says: "exists already",
          otherwise: "give sitepass:publish.tunnel.name another name",
        }));
    }
    case resourceTypes.record: {
      const wanted = recordSchema.parse(inputs);
      return async (api) =>
        onlyThese(await listRecords(api, wanted.zoneId, wanted.name), (record) =>
          excludesRecord(record, wanted)
            ? {
                id: record.id,
                subject: `DNS record ${record.type} ${record.name}`,
                says: `leads to ${record.content} already`,
                otherwise: "delete it, or take another host name",
              }
            : undefined,
        );
    }
    default:
      return undefined;
  }
}

const destinationText = (uri: string): string => {
  const { host, path } = destinationOf(uri);
  return host + path;
};

function onlyThese<T>(
  listed: CallResult<readonly T[]>,
  thereIn: (object: T) => ObjectThere | undefined,
): CallResult<readonly ObjectThere[]> {
  return listed.kind === "answered"
    ? { kind: "answered", value: listed.value.flatMap((object) => thereIn(object) ?? []) }
    : listed;
}

async function findInTheWay(api: CloudflareApi, look: Look | undefined): Promise<Problem | undefined> {
  if (look === undefined) {
    return undefined;
  }
  const seen = await look(api);
  // What was seen before may have been deleted or moved by this very run.
  const listed = seen.kind === "answered" && seen.value.length > 0 ? await look(api, "anew") : seen;
  if (listed.kind !== "answered" || listed.value.length === 0) {
    return undefined;
  }
  // What the stack holds itself is about to be changed, or was found in the preview of its replacement.
  const held = new Set((await readHeldObjects())?.map(({ id }) => id));
  const there = listed.value.find(({ id }) => !held.has(id));
  return there === undefined
    ? undefined
    : {
        subject: there.subject,
        says: `${there.says} (ID ${there.id}), and this stack does not hold it`,
        todo: `If an interrupted run left it, or it is the one to use, take it in with \`npx sitepass adopt --stack ${pulumi.getStack()}\`; otherwise ${there.otherwise}`,
      };
}
