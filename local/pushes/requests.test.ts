import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { decodeJwt } from "jose";
import { signals, signalNames } from "../../fleet/signals";
import { account_id } from "cloudflare-standin/testing/stand-in";
import { goPath } from "cloudflare-standin/edge/request-url";
import { valuesOf, send, type HeaderLines } from "cloudflare-standin/edge/http-messages";
import { lokiBody, lokiHeaders, remoteWriteBody, remoteWriteHeaders } from "./push-messages";
import { SigningKeys } from "cloudflare-standin/edge/access/signing-keys";
import {
  declared,
  hosts,
  sessionDuration as declaredSession,
  warmUp,
  type WorldOptions,
} from "cloudflare-standin/testing/edge-world";
import { anchoredPattern, sessionDuration } from "../../provision/declared-objects";
import type { ReceivedRequest } from "./receiver";
import { pushWorldFor, type PushWorld } from "./testing/push-world";
import {
  headerTricks,
  methodsAndHosts,
  otherPaths,
  pathTricks,
  pushes,
  type RequestRow,
} from "./testing/request-rows";

const rows: readonly RequestRow[] = [
  ...pushes,
  ...headerTricks,
  ...pathTricks,
  ...otherPaths,
  ...methodsAndHosts,
];

const timestamp = Date.parse("2026-11-23T14:00:00Z");

/** Marked with the row's claim, so that what arrived tells from which row. */
function contentOf({ claim, to = "metrics", body }: RequestRow): { headers: HeaderLines; body?: Buffer } {
  const lines = [{ timestamp: `${timestamp}000001`, line: claim }];
  if (body === "none") {
    return { headers: [] };
  }
  if (body === "rubbish") {
    return { headers: [], body: Buffer.from("rubbish") };
  }
  if (to === "metrics") {
    const labels = { __name__: "up", claim };
    return {
      headers: remoteWriteHeaders,
      body: remoteWriteBody([{ labels, samples: [{ timestamp, value: 1 }] }]),
    };
  }
  if (body === "otlp") {
    const content = {
      resourceLogs: [
        {
          resource: { attributes: [{ key: "service.name", value: { stringValue: "demo" } }] },
          scopeLogs: [{ logRecords: [{ timeUnixNano: lines[0]?.timestamp, body: { stringValue: claim } }] }],
        },
      ],
    };
    return {
      headers: [["Content-Type", "application/json"]],
      body: Buffer.from(JSON.stringify(content)),
    };
  }
  const format = body === "protobuf" ? "protobuf" : "json";
  return { headers: lokiHeaders(format), body: lokiBody([{ labels: { job: "demo" }, lines }], format) };
}

function outcomeOf(row: RequestRow, { strict = false, urlNormalization }: WorldOptions): readonly unknown[] {
  const usual = urlNormalization === "rfc3986" ? (row.rfc3986 ?? row.outcome) : row.outcome;
  return strict ? (row.strict ?? usual) : usual;
}

/** Sends the row's request and returns what the client and the edge's record say, and which requests origins got. */
async function sendRow(
  row: RequestRow,
  world: PushWorld,
  forged: string,
): Promise<{ status: number; outcome: readonly unknown[]; arrived: readonly ReceivedRequest[] }> {
  const { to = "metrics", as, headers = () => [] } = row;
  const { edge, origins, sites } = world;
  const before = [origins.metrics.requests.length, origins.logs.requests.length] as const;
  const content = contentOf(row);
  edge.clear();
  const { status } = await send(edge.url, {
    host: row.host ?? hosts[to],
    path: row.path ?? signals[to].defaultPaths[0],
    method: row.method ?? "POST",
    headers: [...(as === undefined ? headers(sites, forged) : sites[as].headers), ...content.headers],
    ...(content.body === undefined ? {} : { body: content.body }),
  });
  const [record, ...more] = edge.answered;
  assert.deepEqual(more, [], row.claim);
  return {
    status,
    outcome: [record?.status, record?.by],
    arrived: [...origins.metrics.requests.slice(before[0]), ...origins.logs.requests.slice(before[1])],
  };
}

/** The table's promise, checked on what arrived and not on what was expected: a site's own signal, a write path, a real assertion. */
function assertRightful(world: PushWorld): void {
  const { sites, origins, clock } = world;
  const entitled = {
    metrics: [sites.tokyo, sites.berlin, sites.quito, sites.rome],
    logs: [sites.tokyo, sites.quito, sites.rome],
  };
  for (const signal of ["metrics", "logs"] as const) {
    for (const { path, headers } of origins[signal].requests) {
      const assertions = valuesOf(headers, "Cf-Access-Jwt-Assertion");
      assert.equal(assertions.length, 1);
      const { common_name: clientId, exp = 0, ...claims } = decodeJwt(assertions[0] ?? "");
      assert.ok(entitled[signal].some((site) => site.clientId === clientId));
      assert.equal(exp, clock.now.getTime() / 1000 + 30 * 60);
      assert.deepEqual(claims, {
        type: "app",
        sub: "",
        iss: "https://example-team.cloudflareaccess.com",
        aud: [world.api.database.applications.get(world.applications[signal].writePaths)?.aud],
        iat: clock.now.getTime() / 1000,
      });
      assert.ok(signals[signal].defaultPaths.some((writePath) => writePath === goPath(path)?.toString()));
      assert.deepEqual(valuesOf(headers, "CF-Access-Client-Secret"), []);
      assert.deepEqual(valuesOf(headers, "Host"), [hosts[signal]]);
    }
  }
}

/** The claims of the rows whose content arrived, by the samples and lines that the origins decoded. */
function contentThatArrived({ origins: { metrics, logs } }: PushWorld): string[] {
  return [
    ...metrics.samples.flatMap(({ labels, samples }) => {
      assert.deepEqual(samples, [{ timestamp, value: 1 }]);
      assert.deepEqual(labels, { __name__: "up", claim: labels.claim });
      return labels.claim ?? "";
    }),
    ...logs.lines.flatMap(({ labels, lines }) => {
      assert.ok(["demo"].includes(labels.job ?? labels.service_name ?? ""));
      return lines.map(({ timestamp: at, line }) => {
        assert.equal(at, `${timestamp}000001`);
        return line;
      });
    }),
  ];
}

async function assertTable(t: TestContext, options: WorldOptions): Promise<void> {
  const world = await pushWorldFor(t, options);
  const keys = await SigningKeys.create();
  const forged = await keys.sign({
    issuer: "https://example-team.cloudflareaccess.com",
    audience: world.api.database.applications.get(world.applications.metrics.writePaths)?.aud ?? "",
    commonName: world.sites.tokyo.clientId,
    issuedAt: world.clock.now,
    expiresAt: new Date(world.clock.now.getTime() + 3_600_000),
  });
  await warmUp(world);
  for (const row of rows) {
    const expected = outcomeOf(row, options);
    const { status, outcome, arrived } = await sendRow(row, world, forged);
    assert.deepEqual(outcome, expected, row.claim);
    assert.equal(status, expected[0], row.claim);
    assert.equal(arrived.length, expected[1] === "origin" ? 1 : 0, row.claim);
  }
  assertRightful(world);
  const delivered = rows.filter((row) => {
    const [status, by] = outcomeOf(row, options);
    return by === "origin" && (status === 204 || status === 200);
  });
  assert.deepEqual(contentThatArrived(world).sort(), delivered.map(({ claim }) => claim).sort());
}

describe(`${rows.length} requests to what the program declares`, () => {
  it("are sent to a world that declares the program's own paths, patterns, services and sessions", () => {
    const program = signalNames.map((name) => {
      const { defaultPaths: paths, defaultOrigin: service } = signals[name];
      return [name, { paths, pattern: anchoredPattern(paths), service }] as const;
    });
    assert.deepEqual(declared, Object.fromEntries(program));
    assert.equal(declaredSession, sessionDuration);
  });

  it("end as the table says", async (t) => {
    await assertTable(t, {});
  });

  it("end as the table says in strict mode", async (t) => {
    await assertTable(t, { strict: true });
  });

  it("end as the table says where a zone normalises by RFC 3986 alone", async (t) => {
    await assertTable(t, { urlNormalization: "rfc3986" });
  });

  it("reach no more origins where the applications on the whole hosts are missing", async (t) => {
    const world = await pushWorldFor(t);
    for (const { wholeHost } of Object.values(world.applications)) {
      await world.client.zeroTrust.access.applications.delete(wholeHost, { account_id });
    }
    await warmUp(world);
    for (const row of rows) {
      const { arrived } = await sendRow(row, world, "forged");
      assert.equal(arrived.length, row.outcome[1] === "origin" ? 1 : 0, row.claim);
    }
    assertRightful(world);
  });

  it("are never answered with a redirect, nor with a page that passes for a delivery", () => {
    for (const row of rows.filter(({ host = "" }) => !host.endsWith("cloudflareaccess.com"))) {
      const [status, by] = row.outcome;
      assert.ok(by === "origin" || status >= 400, row.claim);
    }
  });
});
