import { createRequire } from "node:module";
import type * as CloudflareSdk from "cloudflare";
import { z } from "zod";
import { problemText, UserError, type Problem } from "../fleet/problem";
import { briefMessage } from "../fleet/zod-issues";
import type { ApiCredentials } from "./api-credentials";
import { outboundProxy, useOutboundProxy } from "./outbound-proxy";
import { pacedFetch } from "./request-pace";

/** What came of asking Cloudflare. */
export type CallResult<T> =
  | {
      readonly kind: "answered";
      readonly value: T;
      /** Of a list: how many more entries Cloudflare counts than it shows to this API token; undefined when none. */
      readonly unseen?: number;
    }
  /** The API token lacks the permission, by the code that Cloudflare gave; `reason` is what it said. */
  | { readonly kind: "forbidden"; readonly reason: string }
  /** Anything else; `status` is the HTTP status where there was an answer, and `codes` are Cloudflare's own in it. */
  | {
      readonly kind: "failed";
      readonly problem: Problem;
      readonly status: number | undefined;
      readonly codes?: readonly number[];
    };

/** One page of a list, asked for with the SDK; `asResponse` because the SDK takes anything with status 200 for an empty list. */
type PageCall = (query: { readonly page: number; readonly per_page: number }) => {
  asResponse(): Promise<Response>;
};

/** Cloudflare's API: the official SDK, paced, with failures as problems. */
export interface CloudflareApi {
  readonly client: CloudflareSdk.Cloudflare;
  /** Makes one call; the caller judges how it ended. */
  readonly call: <T>(doing: string, call: () => PromiseLike<T>) => Promise<CallResult<T>>;
  /**
   * Lists everything there is, page by page, each entry checked against the schema.
   *
   * @param name in messages: `doing` after "refused to", such as `list the service tokens of account 0123`, and `what` after
   * "the question for", such as `the account's service tokens`.
   * @param perPage the most that this list gives a page; default 1,000.
   */
  readonly list: <T extends { readonly id: string }>(
    name: Readonly<Record<"doing" | "what", string>>,
    entry: z.ZodType<T>,
    pageOf: PageCall,
    perPage?: number,
  ) => Promise<CallResult<readonly T[]>>;
  /** How many requests were made so far, retries included. */
  readonly requestCount: () => number;
}

/**
 * Opens the API that Pulumi's provider would use.
 *
 * @param credentials as findApiCredentials has checked them.
 * @throws UserError when HTTPS_PROXY is not the address of a proxy.
 */
export function openCloudflareApi(credentials: ApiCredentials): CloudflareApi {
  const { apiToken, baseUrl } = credentials;
  const { Cloudflare } = loadCloudflareSdk();
  // Says at once what is wrong with the variable.
  outboundProxy();
  const pace = pacedFetch(async (input, init) => {
    await useOutboundProxy();
    return globalThis.fetch(input, init);
  });
  return {
    client: new Cloudflare({
      ...noOtherCredentials,
      apiToken,
      ...(baseUrl === undefined ? {} : { baseURL: baseUrl }),
      fetch: pace.fetch,
      timeout: 30_000,
    }),
    call: (doing, call) => callCloudflare(credentials, doing, call),
    list: async (name, entry, pageOf, perPage = mostPerPage) => {
      const listBy = (count: number) =>
        callCloudflare(credentials, name.doing, () =>
          listAllPages(credentials, name.what, entry, pageOf, count),
        );
      const first = await listBy(perPage);
      // What is not valid may be the number: the OpenAPI document is the only place that says how high it may be.
      const listed =
        first.kind === "failed" &&
        first.status === 400 &&
        isRefusal(first.problem) &&
        perPage > everyListTakes
          ? await listBy(everyListTakes)
          : first;
      if (listed.kind !== "answered") {
        return listed;
      }
      const { entries, unseen } = listed.value;
      return { kind: "answered", value: entries, ...(unseen > 0 ? { unseen } : {}) };
    },
    requestCount: pace.count,
  };
}

/** An answer with another value made of its own; what is not an answer stays as it is. */
export const mapAnswer = <T, U>(result: CallResult<T>, change: (value: T) => U): CallResult<U> =>
  result.kind === "answered" ? { ...result, value: change(result.value) } : result;

/**
 * Said of a list that is shown in part. An API token with roles on single objects sees those alone (docs/facts/cloudflare.md,
 * C63).
 *
 * @param what it lists, in the plural, such as `service tokens`.
 */
export function unseenProblems(listed: CallResult<readonly unknown[]>, what: string): readonly Problem[] {
  if (listed.kind !== "answered" || listed.unseen === undefined) {
    return [];
  }
  const { value, unseen } = listed;
  return [
    {
      subject: "CLOUDFLARE_API_TOKEN",
      says: `is shown ${value.length} of the account's ${value.length + unseen} ${what}, so what is said of them may be wrong`,
      todo: "Give it its permissions on the whole account, and not on single objects",
    },
  ];
}

/** What the SDK would read from the environment, and send along beside the API token. */
export const noOtherCredentials = { apiKey: null, apiEmail: null, userServiceKey: null };

/**
 * The value of a call that must succeed.
 *
 * @param doing what was asked, after "may not".
 * @param permission that the API token needs for it, as the dashboard names it.
 * @throws UserError with what Cloudflare said, and the missing permission where it refused.
 */
export function answered<T>(result: CallResult<T>, doing: string, permission: string): T {
  switch (result.kind) {
    case "answered":
      return result.value;
    case "forbidden":
      throw new UserError([
        {
          subject: "CLOUDFLARE_API_TOKEN",
          says: `may not ${doing} (${result.reason})`,
          todo: `Give it the permission "${permission}"`,
        },
      ]);
    case "failed":
      throw new UserError([result.problem]);
  }
}

/** Makes a call and sorts out how it ended. Anything else than an answer, or a connection that failed, is a bug, and thrown on. */
async function callCloudflare<T>(
  credentials: ApiCredentials,
  doing: string,
  call: () => PromiseLike<T>,
): Promise<CallResult<T>> {
  const { APIConnectionError, APIError } = loadCloudflareSdk();
  try {
    return { kind: "answered", value: await call() };
  } catch (error) {
    const failed = (problem: Problem, status?: number) => ({ kind: "failed" as const, problem, status });
    if (error instanceof WrongAnswer) {
      return failed(error.problem);
    }
    if (error instanceof APIConnectionError) {
      return failed({
        subject: addressOf(credentials),
        says: `cannot be reached (${deepestMessage(error)})`,
        todo: adviceForNetwork(),
      });
    }
    if (isBrokenOff(error)) {
      return failed({
        subject: addressOf(credentials),
        says: `broke off its answer when it was asked to ${doing} (${deepestMessage(error)})`,
        todo: adviceForNetwork(),
      });
    }
    // The SDK reads a body that says it is JSON, and callers check what is in it.
    if (error instanceof SyntaxError || error instanceof z.ZodError) {
      return failed({
        subject: addressOf(credentials),
        says: `answered with something else when it was asked to ${doing} (${briefMessage(error)})`,
        todo: adviceForWrongAnswer,
      });
    }
    if (!(error instanceof APIError)) {
      throw error;
    }
    const { data: said = [] } = errorsSchema.safeParse(error.errors);
    const codes = said.map(({ code }) => code);
    const status = Number(error.status);
    const reason = [`HTTP ${status}`, ...said.map(({ code, message }) => `${code} ${message}`)].join(", ");
    if (said.some(({ code }) => code === notEnabled)) {
      const says = `is an account without Zero Trust (${reason})`;
      const todo = "Set Zero Trust up once in the dashboard, with a team name and a plan";
      return { ...failed({ subject: "sitepass:accountId", says, todo }, status), codes };
    }
    const ofToken = apiTokenProblem(reason);
    if (ofToken !== undefined) {
      return { ...failed(ofToken, status), codes };
    }
    if (status === 403 && said.some(({ code }) => permissionCodes.includes(code))) {
      return { kind: "forbidden", reason };
    }
    const says = `refused to ${doing} (${reason})`;
    const todo = status === 403 && said.length > 0 ? adviceForOtherCode : adviceFor(status);
    return { ...failed({ subject: subjectOfRefusals, says, todo }, status), codes };
  }
}

/**
 * What Cloudflare answers to a call without its permission, and to one for a zone or account that is not the API token's
 * (docs/facts/cloudflare.md, C58). 9109 has other meanings too: apiTokenProblem.
 */
const permissionCodes: readonly number[] = [10000, 9109];

const adviceForOtherCode =
  "Do what these words of Cloudflare's ask for; where they ask for nothing, look at the API token's permissions in the dashboard";

/**
 * What is wrong with the API token as a whole, where Cloudflare's words say so: every call is then refused for that reason,
 * with a status and code that it also gives for a missing permission (docs/facts/cloudflare.md, C58).
 *
 * @param words of an answer, with its codes, as this module or Pulumi's provider gives them.
 */
export function apiTokenProblem(words: string): Problem | undefined {
  const subject = "CLOUDFLARE_API_TOKEN";
  const brief = words.length > 200 ? `${words.slice(0, 199)}…` : words;
  const [, address] = /Cannot use the access token from location:? *([0-9A-Fa-f.:]*)/.exec(words) ?? [];
  if (address !== undefined) {
    const from = address === "" ? "this machine's address" : `the address ${address}`;
    return {
      subject,
      says: `may not be used from ${from} (${brief})`,
      todo: "Add that address to the API token's client IP address filter in the dashboard, or run this where the filter allows it",
    };
  }
  return /Invalid access token|Invalid API Token/i.test(words)
    ? { subject, says: `is not valid (${brief})`, todo: exportAnother }
    : undefined;
}

/** What to do about an API token that is not valid. */
export const exportAnother = "Export a token that is whole, not expired and not revoked";

function adviceForNetwork(): string {
  const proxy = outboundProxy();
  return proxy === undefined
    ? "Check the network, and CLOUDFLARE_BASE_URL if it is set"
    : `Check the proxy that ${proxy.variable} names, and CLOUDFLARE_BASE_URL if it is set`;
}

const adviceForWrongAnswer = "Check CLOUDFLARE_BASE_URL, and whether a proxy stands in between";

/** Whether the connection ended in the midst of a body: undici's fetch says so by a TypeError with this message. */
const isBrokenOff = (error: unknown): error is TypeError =>
  error instanceof TypeError && error.message === "terminated";

/** access.api.error.not_enabled; the HTTP status that comes with it is not known, so the code tells it. */
const notEnabled = 9999;

const errorsSchema = z.array(z.object({ code: z.number(), message: z.string() }));

function adviceFor(status: number): string {
  switch (status) {
    case 400:
    case 401:
      return "Check that CLOUDFLARE_API_TOKEN is whole, not expired and not revoked";
    case 403:
      return "Check CLOUDFLARE_BASE_URL, and whether a proxy or a firewall in between refuses: Cloudflare's API gives its reasons";
    case 404:
      return "Check sitepass:accountId";
    case 429:
      return "The account's 1,200 calls per five minutes are used up: wait five minutes";
    default:
      return "Try again; if it stays, look at cloudflarestatus.com";
  }
}

/**
 * A time that an answer may leave out or give as null; what is not a time counts as left out. A server that is written in Go may
 * give the first second of the year 1 for none.
 */
export const optionalTime = z
  .string()
  .refine((text) => !Number.isNaN(Date.parse(text)))
  .nullable()
  .optional()
  .catch(undefined)
  .transform((text) => (text?.startsWith("0001-01-01") === true ? null : text));

/** Of what Cloudflare refuses for a reason that is neither the API token's nor the account's as a whole. */
const subjectOfRefusals = "Cloudflare";

/** Whether Cloudflare refused a call for a reason that is neither the API token's nor the account's as a whole. */
export const isRefusal = ({ subject }: Pick<Problem, "subject">): boolean => subject === subjectOfRefusals;

/** The most that a list call of Access returns; a default account holds 50 tokens, so this is one call. */
const mostPerPage = 1000;

/** A number of entries a page that every list of Cloudflare's takes (docs/facts/cloudflare.md, C61). */
const everyListTakes = 50;

/**
 * Pages are counted by hand because the SDK's iterator always asks for one page more than there is
 * (docs/facts/provider.md, P59).
 */
async function listAllPages<T extends { readonly id: string }>(
  credentials: ApiCredentials,
  what: string,
  entry: z.ZodType<T>,
  pageOf: PageCall,
  perPage: number,
): Promise<{ readonly entries: readonly T[]; readonly unseen: number }> {
  const listSchema = z.object({
    success: z.literal(true),
    // A server that is written in Go gives an empty list as null.
    result: z
      .array(entry)
      .nullable()
      .transform((found): readonly T[] => found ?? []),
    result_info: z
      .object({ per_page: optionalNumber, total_count: optionalNumber, total_pages: optionalNumber })
      .optional()
      .catch(undefined),
  });
  // By ID, so that an entry that moves to the next page while another one is deleted is not counted twice.
  const entries = new Map<string, T>();
  for (let page = 1; ; page += 1) {
    const answer = await pageOf({ page, per_page: perPage }).asResponse();
    const body = listSchema.safeParse(await answer.json().catch(noJson));
    if (!body.success) {
      throw new WrongAnswer({
        subject: addressOf(credentials),
        says: `answered the question for ${what} with something else (${answer.headers.get("content-type") ?? "no content type"})`,
        todo: adviceForWrongAnswer,
      });
    }
    const { result, result_info: info } = body.data;
    const known = entries.size;
    for (const found of result) {
      entries.set(found.id, found);
    }
    const unseen = Math.max((info?.total_count ?? 0) - entries.size, 0);
    if (entries.size === known || (unseen === 0 && isLast(page, result.length, info ?? {}))) {
      return { entries: [...entries.values()], unseen };
    }
  }

  /**
   * A server may give fewer a page than it was asked for, and than result_info says: only a total tells the end. Without one, a page
   * that brings nothing new does: the official SDK's result_info has neither total (cloudflare 7.3.0, core/pagination.d.ts).
   */
  function isLast(
    page: number,
    count: number,
    { per_page, total_count, total_pages }: NonNullable<z.infer<typeof listSchema>["result_info"]>,
  ): boolean {
    if (total_count !== undefined) {
      return count < (per_page ?? perPage);
    }
    return total_pages !== undefined && page >= total_pages;
  }
}

const optionalNumber = z.number().optional().catch(undefined);

/** What is not JSON is of no kind that a schema knows. */
function noJson(error: unknown): undefined {
  if (isBrokenOff(error)) {
    throw error;
  }
}

/** The answer is not what Cloudflare's API documents. */
class WrongAnswer extends Error {
  constructor(readonly problem: Problem) {
    super(problemText(problem));
  }
}

const addressOf = ({ baseUrl }: ApiCredentials): string => baseUrl ?? "api.cloudflare.com";

/** What a failed request says at its root: fetch and undici wrap the reason in causes, several addresses in a list. */
export function deepestMessage(error: Error): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) {
    return deepestMessage(error.errors[0]);
  }
  return error.cause instanceof Error ? deepestMessage(error.cause) : error.message;
}

/**
 * Loads the official SDK when it is first needed: it takes 0.3 s and 30 MB, and a program without preflight does not
 * need it. By `require`, because a dynamic import would load a second copy beside the one that other CommonJS code has.
 */
function loadCloudflareSdk(): typeof CloudflareSdk {
  const loaded: unknown = createRequire(__filename)("cloudflare");
  if (!isSdk(loaded)) {
    throw new Error("the package cloudflare does not export what its types say");
  }
  return loaded;
}

function isSdk(loaded: unknown): loaded is typeof CloudflareSdk {
  // The CommonJS build exports the client's class, with everything else as its properties.
  return typeof loaded === "function" && "Cloudflare" in loaded && "APIError" in loaded;
}
