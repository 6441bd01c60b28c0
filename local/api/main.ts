import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { UserError } from "../../provision/user-error";
import { standInAccount } from "../stand-in-account";
import { startStandIn } from "./stand-in";

const help = `Serves a stand-in for Cloudflare's v4 API on 127.0.0.1, with the account, team and zone of a stack's file.

  npm run standin -- [options]

Options
  --port N         default 8799
  --state FILE     keep everything in this file; default in memory. Tunnel secrets are in it: it is made 0600
  --stack NAME     take account, team and zone from Pulumi.NAME.yaml; default prod
  --limit N        service tokens that the account may have; default 50, as at Cloudflare

Faults, for trying out what happens then: POST /__standin/faults with JSON such as
  {"match": {"method": "POST", "path": "service_tokens"}, "status": 429, "retryAfterSeconds": 1}
The fields are described in local/api/README.md.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8799" },
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
  const { accountId, teamName, zones } = standInAccount(process.cwd(), values.stack);
  const standIn = await startStandIn({
    accountId,
    teamName,
    zones,
    port: wholeNumber("--port", values.port, 65_535),
    limits: { serviceTokens: wholeNumber("--limit", values.limit, 1_000_000) },
    ...(values.state === undefined ? {} : { stateFile: resolve(values.state) }),
  });
  console.log(`The stand-in answers for account ${accountId} until Ctrl-C. In another shell:

export CLOUDFLARE_BASE_URL=${standIn.baseUrl}
export CLOUDFLARE_API_TOKEN=${standIn.apiToken}

Then, for instance: PULUMI_CONFIG_PASSPHRASE=demo npm run engine -- up`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // Not `once`: see local/engine/main.ts.
    process.on(signal, () => {
      void standIn.close();
    });
  }
}

function wholeNumber(option: string, text: string, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new UserError([`${option}: is "${text}". Give a whole number from 0 to ${most}.`]);
  }
  return value;
}

main().catch((error: unknown) => {
  const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
  const message = error instanceof Error ? error.message : String(error);
  console.error(`error: ${taken ? `--port: is in use (${message}). Choose another.` : message}`);
  process.exitCode = 1;
});
