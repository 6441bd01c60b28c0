import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { describe, it } from "node:test";
import { problemText } from "../fleet/problem";
import type { ApiCredentials } from "./api-credentials";
import { openStandIn } from "../local/engine/provider";
import { openCloudflareApi, unseenProblems, type CallResult, type CloudflareApi } from "./client";
import { listTokens, type AccountToken } from "./service-tokens";
import { readTunnelConfiguration } from "./tunnels";

type ListedToken = Pick<AccountToken, "id" | "name">;

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return `127.0.0.1:${address.port}`;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}

/** Lists an account's tokens; of each its ID and name, and of a failure its sentence. */
async function listNames(credentials: ApiCredentials, accountId: string) {
  const listing = await listTokens(openCloudflareApi(credentials), accountId);
  switch (listing.kind) {
    case "answered":
      return { ...listing, value: listing.value.map(({ id, name }) => ({ id, name })) };
    case "failed":
      return { ...listing, problem: problemText(listing.problem) };
    case "forbidden":
      return listing;
  }
}

/** Lists the tokens of the account `acme` from a server that gives these answers, and notes what it is asked. */
async function listFrom(answer: (request: IncomingMessage, page: number) => Answer) {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    const { pathname, search, searchParams } = new URL(request.url ?? "", "http://localhost");
    calls.push(`${request.method} ${pathname}${search}`);
    // No listing here takes this many calls: one that would never end fails instead.
    const { status, headers, body } =
      calls.length > 10
        ? refused(400, 1, "Asked too often")
        : answer(request, Number(searchParams.get("page")));
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
  });
  const baseUrl = `http://${await listen(server)}/client/v4`;
  try {
    const listing = await listNames({ apiToken: "cf-secret", baseUrl }, "acme");
    return { listing, calls, baseUrl };
  } finally {
    await close(server);
  }
}

const pageCall = (page: number, perPage = 1000) =>
  `GET /client/v4/accounts/acme/access/service_tokens?page=${page}&per_page=${perPage}`;

function listed(
  result: readonly ListedToken[] | null,
  resultInfo: Readonly<Record<string, number>> | null | undefined,
): Answer {
  return {
    status: 200,
    body: JSON.stringify({ success: true, errors: [], messages: [], result, result_info: resultInfo }),
  };
}

function refused(status: number, code: number, message: string): Answer {
  return {
    status,
    // Without it the SDK would try again after 429 and 500, and wait in between.
    headers: { "x-should-retry": "false" },
    body: JSON.stringify({ success: false, errors: [{ code, message }], messages: [], result: null }),
  };
}

const tokens = (count: number): readonly ListedToken[] =>
  Array.from({ length: count }, (_, index) => ({ id: `id-${index}`, name: `sitepass/prod/site-${index}` }));

/** A server that gives at most so many tokens a page, whatever it is asked for. */
const clampedTo = (perPage: number, all: readonly ListedToken[]) => (_: IncomingMessage, page: number) => {
  const result = all.slice((page - 1) * perPage, page * perPage);
  return listed(result, { page, per_page: perPage, count: result.length, total_count: all.length });
};

describe("a listing, on pages", () => {
  it("lists an account in one call, with the API token", async () => {
    const { listing, calls } = await listFrom((request, page) =>
      request.headers.authorization === "Bearer cf-secret"
        ? clampedTo(1000, tokens(3))(request, page)
        : refused(401, 10000, "Authentication error"),
    );
    assert.deepEqual(listing, { kind: "answered", value: tokens(3) });
    assert.deepEqual(calls, [pageCall(1)]);
  });

  it("sends no other credentials that lie in the environment", async (t) => {
    const others = {
      CLOUDFLARE_API_KEY: "global-key",
      CLOUDFLARE_EMAIL: "ops@example.com",
      CLOUDFLARE_API_USER_SERVICE_KEY: "v1.0-service-key",
    };
    const before = { ...process.env };
    Object.assign(process.env, others);
    t.after(() => {
      for (const name of Object.keys(others)) {
        Reflect.deleteProperty(process.env, name);
      }
      Object.assign(process.env, before);
    });
    const sent: string[] = [];
    const note = (headers: Iterable<readonly [string, unknown]>) => {
      sent.push(...[...headers].map(([name, value]) => `${name}: ${String(value)}`));
    };
    await listFrom((request, page) => {
      note(Object.entries(request.headers));
      return clampedTo(1000, [])(request, page);
    });
    const standIn = openStandIn(
      {},
      { CLOUDFLARE_API_TOKEN: "cf-secret", CLOUDFLARE_BASE_URL: "http://localhost/v4" },
      {
        fetch: (_, options) => {
          note(new Headers(options?.headers));
          return Promise.resolve(Response.json({ success: true, result: {} }));
        },
      },
    );
    await standIn.zones.get({ zone_id: "zone" });
    assert.equal(sent.filter((header) => header === "authorization: Bearer cf-secret").length, 2);
    assert.doesNotMatch(sent.join("\n"), /^x-auth-|global-key|ops@example|service-key/im);
  });

  it("lists an account without tokens", async () => {
    const { listing, calls } = await listFrom(clampedTo(1000, []));
    assert.deepEqual(listing, { kind: "answered", value: [] });
    assert.deepEqual(calls, [pageCall(1)]);
  });

  it("goes on when the server gives fewer tokens a page than it is asked for", async () => {
    const { listing, calls } = await listFrom(clampedTo(2, tokens(5)));
    assert.deepEqual(listing, { kind: "answered", value: tokens(5) });
    assert.deepEqual(calls, [pageCall(1), pageCall(2), pageCall(3)]);
  });

  it("asks for one page more when the last one is exactly full", async () => {
    const { listing, calls } = await listFrom(clampedTo(2, tokens(4)));
    assert.deepEqual(listing, { kind: "answered", value: tokens(4) });
    assert.deepEqual(calls, [pageCall(1), pageCall(2), pageCall(3)]);
  });

  it("stops at the second call when the server gives the same full page for ever", async () => {
    const { listing, calls } = await listFrom((request) => clampedTo(2, tokens(2))(request, 1));
    assert.deepEqual(listing, { kind: "answered", value: tokens(2) });
    assert.deepEqual(calls, [pageCall(1), pageCall(2)]);
  });

  it("counts a token once that moves to the next page in between", async () => {
    const all = tokens(3);
    const pages = [all.slice(0, 2), all.slice(1, 3), []];
    const { listing, calls } = await listFrom((_, page) =>
      listed(pages[page - 1] ?? [], { page, per_page: 2 }),
    );
    assert.deepEqual(listing, { kind: "answered", value: all });
    assert.deepEqual(calls, [pageCall(1), pageCall(2), pageCall(3)]);
  });

  it("goes by the total where the server gives fewer a page than it says", async () => {
    const all = tokens(5);
    for (const per_page of [{}, { per_page: 1000 }]) {
      const { listing, calls } = await listFrom((_, page) =>
        listed(all.slice((page - 1) * 2, page * 2), { page, ...per_page, total_count: 5 }),
      );
      assert.deepEqual(listing, { kind: "answered", value: all });
      assert.equal(calls.length, 3);
    }
  });

  it("goes by the number of pages where that is all that is said, and else until a page brings nothing new", async () => {
    const all = tokens(5);
    const pageOf = (page: number) => all.slice((page - 1) * 2, page * 2);
    for (const [info, calls] of [
      [(page: number) => ({ page, per_page: 1000, total_pages: 3 }), 3],
      [(page: number) => ({ page, per_page: 1000 }), 4],
      [(page: number) => ({ page, per_page: 2, count: pageOf(page).length }), 4],
      [() => undefined, 4],
      [() => null, 4],
    ] as const) {
      const found = await listFrom((_, page) => listed(pageOf(page), info(page)));
      assert.deepEqual(found.listing, { kind: "answered", value: all });
      assert.equal(found.calls.length, calls);
    }
  });

  it("ends where the last page comes again and again", async () => {
    const all = tokens(3);
    const { listing, calls } = await listFrom((_, page) =>
      listed(page === 1 ? all.slice(0, 2) : all.slice(2), { page, per_page: 1000 }),
    );
    assert.deepEqual(listing, { kind: "answered", value: all });
    assert.deepEqual(calls, [pageCall(1), pageCall(2), pageCall(3)]);
  });

  it("asks for fewer a page of a server that refuses so many", async () => {
    const all = tokens(60);
    const { listing, calls } = await listFrom((request, page) =>
      request.url?.includes("per_page=1000") === true
        ? refused(400, 10001, "per_page must be at most 50")
        : clampedTo(50, all)(request, page),
    );
    assert.deepEqual(listing, { kind: "answered", value: all });
    assert.deepEqual(calls, [pageCall(1), pageCall(1, 50), pageCall(2, 50)]);
  });

  it("takes null for a list without entries", async () => {
    const { listing, calls } = await listFrom(() => listed(null, undefined));
    assert.deepEqual(listing, { kind: "answered", value: [] });
    assert.deepEqual(calls, [pageCall(1)]);
  });

  it("says how many more there are than it is shown", async () => {
    const { listing, calls } = await listFrom((_, page) =>
      listed(page === 1 ? tokens(3) : [], { page, per_page: 1000, total_count: 120 }),
    );
    assert.deepEqual(listing, { kind: "answered", value: tokens(3), unseen: 117 });
    assert.deepEqual(
      listing.kind === "answered" && unseenProblems(listing, "service tokens").map(problemText),
      [
        "CLOUDFLARE_API_TOKEN: is shown 3 of the account's 120 service tokens, so what is said of them may be wrong. Give it its permissions on the whole account, and not on single objects.",
      ],
    );
    assert.equal(calls.length, 2);
  });

  it("tries again after a failure that passes", async () => {
    let failures = 0;
    const { listing, calls } = await listFrom((request, page) => {
      failures += 1;
      return failures === 1
        ? { status: 500, headers: { "retry-after-ms": "1" }, body: "{}" }
        : clampedTo(1000, tokens(1))(request, page);
    });
    assert.deepEqual(listing, { kind: "answered", value: tokens(1) });
    assert.deepEqual(calls, [pageCall(1), pageCall(1)]);
  });
});

describe("a listing, on refusals", () => {
  it("tells a missing permission from a failure", async () => {
    const { listing, calls } = await listFrom(() => refused(403, 10000, "Authentication error"));
    assert.deepEqual(listing, { kind: "forbidden", reason: "HTTP 403, 10000 Authentication error" });
    assert.deepEqual(calls, [pageCall(1)]);
  });

  const ofToken = "Export a token that is whole, not expired and not revoked.";
  const otherCode =
    "Do what these words of Cloudflare's ask for; where they ask for nothing, look at the API token's permissions in the dashboard.";
  const causes: readonly (readonly [number, number, string, string])[] = [
    [
      403,
      9109,
      "Cannot use the access token from location: 203.0.113.7",
      "CLOUDFLARE_API_TOKEN: may not be used from the address 203.0.113.7 (HTTP 403, 9109 Cannot use the access token from location: 203.0.113.7). Add that address to the API token's client IP address filter in the dashboard, or run this where the filter allows it.",
    ],
    [
      403,
      9109,
      "Cannot use the access token from location: 2001:db8::7",
      "CLOUDFLARE_API_TOKEN: may not be used from the address 2001:db8::7 (HTTP 403, 9109 Cannot use the access token from location: 2001:db8::7). Add that address to the API token's client IP address filter in the dashboard, or run this where the filter allows it.",
    ],
    [
      403,
      9109,
      "Invalid access token",
      `CLOUDFLARE_API_TOKEN: is not valid (HTTP 403, 9109 Invalid access token). ${ofToken}`,
    ],
    [
      401,
      1000,
      "Invalid API Token",
      `CLOUDFLARE_API_TOKEN: is not valid (HTTP 401, 1000 Invalid API Token). ${ofToken}`,
    ],
    [
      403,
      12345,
      "Your plan does not include this",
      `Cloudflare: refused to list the service tokens of account acme (HTTP 403, 12345 Your plan does not include this). ${otherCode}`,
    ],
  ];
  for (const [status, code, message, problem] of causes) {
    it(`tells the cause of HTTP ${status} by ${code} ${message}`, async () => {
      const { listing } = await listFrom(() => refused(status, code, message));
      assert.deepEqual(listing, { kind: "failed", problem, status, codes: [code] });
    });
  }

  it("takes 9109 for a permission where its words are of one", async () => {
    const { listing } = await listFrom(() => refused(403, 9109, "Unauthorized to access requested resource"));
    assert.deepEqual(listing, {
      kind: "forbidden",
      reason: "HTTP 403, 9109 Unauthorized to access requested resource",
    });
  });

  it("does not speak of permissions where something else than Cloudflare's API refuses", async () => {
    const { listing } = await listFrom(() => ({
      status: 403,
      headers: { "content-type": "text/html", "x-should-retry": "false" },
      body: "<html>Blocked by the company's proxy</html>",
    }));
    assert.deepEqual(listing, {
      kind: "failed",
      problem:
        "Cloudflare: refused to list the service tokens of account acme (HTTP 403). Check CLOUDFLARE_BASE_URL, and whether a proxy or a firewall in between refuses: Cloudflare's API gives its reasons.",
      status: 403,
      codes: [],
    });
  });

  for (const status of [400, 403, 404]) {
    it(`tells an account without Zero Trust from both, with HTTP ${status}`, async () => {
      const { listing } = await listFrom(() => refused(status, 9999, "access.api.error.not_enabled"));
      assert.deepEqual(listing, {
        kind: "failed",
        problem: `sitepass:accountId: is an account without Zero Trust (HTTP ${status}, 9999 access.api.error.not_enabled). Set Zero Trust up once in the dashboard, with a team name and a plan.`,
        status,
        codes: [9999],
      });
    });
  }

  const refusals = [
    {
      status: 400,
      code: 6003,
      message: "Invalid request headers",
      advice: "Check that CLOUDFLARE_API_TOKEN is whole, not expired and not revoked.",
    },
    {
      status: 401,
      code: 10000,
      message: "Authentication error",
      advice: "Check that CLOUDFLARE_API_TOKEN is whole, not expired and not revoked.",
    },
    {
      status: 404,
      code: 7003,
      message: "Could not route to /accounts/acme",
      advice: "Check sitepass:accountId.",
    },
    {
      status: 429,
      code: 971,
      message: "Please wait and consider throttling your request speed",
      advice: "The account's 1,200 calls per five minutes are used up: wait five minutes.",
    },
    {
      status: 500,
      code: 10001,
      message: "Internal error",
      advice: "Try again; if it stays, look at cloudflarestatus.com.",
    },
  ];
  for (const { status, code, message, advice } of refusals) {
    it(`says what to do about HTTP ${status}`, async () => {
      const { listing, calls } = await listFrom(() => refused(status, code, message));
      assert.deepEqual(listing, {
        kind: "failed",
        problem: `Cloudflare: refused to list the service tokens of account acme (HTTP ${status}, ${code} ${message}). ${advice}`,
        status,
        codes: [code],
      });
      // What is not valid may have been the number of entries.
      assert.deepEqual(calls, status === 400 ? [pageCall(1), pageCall(1, 50)] : [pageCall(1)]);
    });
  }

  it("gives the status alone when the answer is no JSON", async () => {
    const { listing, calls } = await listFrom(() => ({
      status: 502,
      headers: { "content-type": "text/html", "x-should-retry": "false" },
      body: "<html>Bad gateway</html>",
    }));
    assert.deepEqual(listing, {
      kind: "failed",
      problem:
        "Cloudflare: refused to list the service tokens of account acme (HTTP 502). Try again; if it stays, look at cloudflarestatus.com.",
      status: 502,
      codes: [],
    });
    assert.deepEqual(calls, [pageCall(1)]);
  });

  it("does not take a web page for an empty account", async () => {
    const { listing, calls } = await listFrom(() => ({
      status: 200,
      headers: { "content-type": "text/html" },
      body: "<html>Log in to the guest network</html>",
    }));
    assert.equal(listing.kind, "failed");
    assert.deepEqual(calls, [pageCall(1)]);
  });
});

describe("a call", () => {
  /** Asks a server that sends this body, by default for a tunnel's configuration, and closes the connection before the length that it says. */
  async function failureOn(
    body: string,
    missing = 0,
    ask: (api: CloudflareApi) => Promise<CallResult<unknown>> = (api) =>
      readTunnelConfiguration(api, "acme", "t1"),
  ) {
    const server = createServer((_, response) => {
      response.writeHead(200, {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body) + missing,
      });
      if (missing === 0) {
        response.end(body);
      } else {
        response.write(body, () => response.socket?.destroy());
      }
    });
    const host = await listen(server);
    try {
      const api = openCloudflareApi({ apiToken: "cf-secret", baseUrl: `http://${host}` });
      const result = await ask(api);
      return result.kind === "failed" ? problemText(result.problem).replace(host, "HOST") : result.kind;
    } finally {
      await close(server);
    }
  }
  const asked = "when it was asked to read the configuration of tunnel t1";
  const advice = "Check CLOUDFLARE_BASE_URL, and whether a proxy stands in between.";

  it("says what is wrong with an answer that is cut, whether it is ended or broken off", async () => {
    const cut = '{"success":true,"result":{"con';
    assert.match(
      await failureOn(cut),
      new RegExp(`^http://HOST: answered with something else ${asked} \\(.*JSON.*\\)\\. ${advice}$`),
    );
    assert.match(
      await failureOn(cut, 100),
      new RegExp(
        `^http://HOST: broke off its answer ${asked} \\(.*\\)\\. Check the network, and CLOUDFLARE_BASE_URL if it is set\\.$`,
      ),
    );
    assert.match(
      await failureOn(cut, 100, (api) => listTokens(api, "acme")),
      /^http:\/\/HOST: broke off its answer when it was asked to list the service tokens of account acme \(/,
    );
  });

  it("says what is wrong with an answer that is not as documented", async () => {
    assert.equal(
      await failureOn('{"success":true,"result":{"config":{"ingress":[{"hostname":"a.example.com"}]}}}'),
      `http://HOST: answered with something else ${asked} (✖ Invalid input: expected string, received undefined → at config.ingress[0].service). ${advice}`,
    );
  });
});

describe("a listing, without a connection", () => {
  it("says what is wrong with it", async () => {
    const server = createServer();
    const host = await listen(server);
    await close(server);
    assert.deepEqual(await listNames({ apiToken: "cf-secret", baseUrl: `http://${host}` }, "acme"), {
      kind: "failed",
      problem: `http://${host}: cannot be reached (connect ECONNREFUSED ${host}). Check the network, and CLOUDFLARE_BASE_URL if it is set.`,
      status: undefined,
    });
  });
});
