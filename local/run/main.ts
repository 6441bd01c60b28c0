import { existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { newApiToken } from "cloudflare-standin";
import writeFileAtomic from "write-file-atomic";
import { UserError } from "../../fleet/problem";
import { readTextFile } from "../../fleet/system-errors";
import { accountOfStack, startSandbox } from "./sandbox";

/** How often what nobody reads here is forgotten, so that a stand-in that runs for days does not grow. */
const forgetMilliseconds = 60_000;

const help = `Serves Cloudflare on 127.0.0.1: a stand-in for its v4 API, with the account, team and zone of a stack's file, and an
imitation of the way that pushes take, with a connector for each tunnel that is made and a receiver behind it.

  npm run standin -- [options]

Options
  --port N         where the API listens; default 8799
  --edge-port N    where pushes go, with the public host in their Host header; default 8798
  --state FILE     keep everything in this file, and the API token in FILE.token; default in memory. Tunnel secrets are in it:
                   both are made 0600
  --stack NAME     take account, team and zone from Pulumi.NAME.yaml; default prod
  --limit N        service tokens that the account may have; default 50, as at Cloudflare

To see what happens then, POST to the API's address
  /__standin/switches   {"connector": false} or {"origins": false} stops cloudflared or the services behind it; true starts them
  /__standin/faults     {"match": {"method": "POST", "path": "service_tokens"}, "status": 429, "retryAfterSeconds": 1}
The fields of faults are described in packages/cloudflare-standin/README.md.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8799" },
      "edge-port": { type: "string", default: "8798" },
      state: { type: "string" },
      stack: { type: "string", default: "prod" },
      limit: { type: "string", default: "50" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return;
  }
  const { accountId, teamName, zones } = accountOfStack(process.cwd(), values.stack);
  const sandbox = await startSandbox({
    accountId,
    teamName,
    zones,
    port: wholeNumber("--port", values.port, 65_535),
    edgePort: wholeNumber("--edge-port", values["edge-port"], 65_535),
    limits: { serviceTokens: wholeNumber("--limit", values.limit, 1_000_000) },
    ...(values.state === undefined
      ? {}
      : { stateFile: resolve(values.state), apiToken: keptApiToken(resolve(values.state)) }),
  });
  setInterval(() => {
    sandbox.forget();
  }, forgetMilliseconds).unref();
  const { standIn, edge } = sandbox;
  const kept = join(".sitepass", `${values.stack}.json`);
  const other = values.stack === "prod" ? "" : ` --stack ${values.stack}`;
  console.log(`The stand-in answers for account ${accountId} until Ctrl-C. In another shell:

export CLOUDFLARE_BASE_URL=${standIn.baseUrl}
export CLOUDFLARE_API_TOKEN=${standIn.apiToken}
export SITEPASS_STATE=${kept}

npm run engine -- up${other}
npx sitepass status${other}
npx sitepass verify${other} --via ${edge.url}

And this stops the connector, for verify to find it:
curl -d '{"connector": false}' ${new URL(standIn.baseUrl).origin}/__standin/switches`);
  if (values.state === undefined && existsSync(kept)) {
    console.log(`
${kept} exists already and belongs to a stand-in that kept nothing: remove it first, or next time keep both with --state.`);
  }
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    // Not `once`: see local/engine/main.ts.
    process.on(name, () => {
      void sandbox.close();
    });
  }
}

/** What was exported for an earlier stand-in of the same state is right for this one, too. */
function keptApiToken(stateFile: string): string {
  const path = `${stateFile}.token`;
  const kept = readTextFile(path)?.trim() ?? "";
  if (kept !== "") {
    return kept;
  }
  const apiToken = newApiToken();
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileAtomic.sync(path, `${apiToken}\n`, { mode: 0o600 });
  return apiToken;
}

function wholeNumber(option: string, text: string, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > most) {
    throw new UserError([
      { subject: option, says: `is "${text}"`, todo: `Give a whole number from 0 to ${most}` },
    ]);
  }
  return value;
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
  console.error(
    `error: ${taken ? `--port or --edge-port: is in use (${message}). Choose another.` : message}`,
  );
  process.exitCode = 1;
});
