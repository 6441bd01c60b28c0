import { z } from "zod";

/** GitHub's REST API as the scripts of a workflow use it. */
export interface GitHub {
  /** A path below the repository, such as `/issues/7`; the answer's JSON. */
  readonly ask: (method: "GET" | "POST" | "PATCH", path: string, body?: object) => Promise<unknown>;
  /** Every element of a list, page by page. */
  readonly list: (path: string) => Promise<readonly unknown[]>;
}

/** What a workflow's step is given. */
const environmentSchema = z.object({
  GITHUB_API_URL: z.url(),
  GITHUB_REPOSITORY: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  GITHUB_TOKEN: z.string().min(1),
});

/** More pages than any of the lists here has by right. */
const mostPages = 50;

export function openGitHub(environment: Readonly<Record<string, string | undefined>>): GitHub {
  const { GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN } = environmentSchema.parse(environment);
  const ask: GitHub["ask"] = async (method, path, body) => {
    const response = await fetch(`${GITHUB_API_URL}/repos/${GITHUB_REPOSITORY}${path}`, {
      method,
      headers: {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${GITHUB_TOKEN}`,
        "x-github-api-version": "2022-11-28",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    if (!response.ok) {
      throw new Error(`GitHub answered ${response.status} to ${method} ${path}: ${await response.text()}`);
    }
    return response.status === 204 ? undefined : response.json();
  };
  return {
    ask,
    list: async (path) => {
      const all: unknown[] = [];
      for (let page = 1; page <= mostPages; page += 1) {
        const joint = path.includes("?") ? "&" : "?";
        const some = z.array(z.unknown()).parse(await ask("GET", `${path}${joint}per_page=100&page=${page}`));
        all.push(...some);
        if (some.length < 100) {
          return all;
        }
      }
      throw new Error(`GitHub's list ${path} has more than ${mostPages * 100} entries`);
    },
  };
}

/** Who the token of a workflow writes as: a marker in a text of somebody else's is not believed. */
const ownLogin = "github-actions[bot]";

const writtenSchema = z.object({
  id: z.number(),
  number: z.number().optional(),
  body: z.string().nullish(),
  user: z.object({ login: z.string() }).nullish(),
});

export interface Written {
  /** Of a comment. */
  readonly id: number;
  /** Of an issue. */
  readonly number: number | undefined;
  readonly body: string;
}

/** The first comment or issue of a list that a workflow wrote with a marker in it. */
export function findOwn(list: readonly unknown[], marker: string): Written | undefined {
  return list
    .map((one) => writtenSchema.parse(one))
    .filter(({ user, body }) => user?.login === ownLogin && (body ?? "").startsWith(marker))
    .map(({ id, number, body }) => ({ id, number, body: body ?? "" }))[0];
}

/** The page of the run that a script is part of. */
export const runPage = (environment: Readonly<Record<string, string | undefined>>): string =>
  `${environment.GITHUB_SERVER_URL ?? ""}/${environment.GITHUB_REPOSITORY ?? ""}/actions/runs/${environment.GITHUB_RUN_ID ?? ""}`;
