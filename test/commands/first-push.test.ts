import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { marked, type Token } from "marked";
import { runProcess, type ProcessResult } from "../../local/run/processes";
import { copyProject } from "../../local/run/project-stack";
import { findPulumi } from "../../local/run/pulumi-installation";
import { accountOfStack, startSandbox } from "../../local/run/sandbox";

const root = join(__dirname, "..", "..");

/** The shell blocks below a heading of a page, in their order, also those within lists. */
function blocksBelow(page: string, heading: string): string[] {
  const blocks: string[] = [];
  const visit = (tokens: readonly Token[]): void => {
    for (const token of tokens) {
      if (token.type === "code" && token.lang === "sh") {
        blocks.push(String(token.text));
      } else if (token.type === "list") {
        for (const item of token.items as { readonly tokens: readonly Token[] }[]) {
          visit(item.tokens);
        }
      }
    }
  };
  const tokens = marked.lexer(readFileSync(join(root, page), "utf8"));
  const begin = tokens.findIndex((token) => token.type === "heading" && token.text === heading);
  assert.ok(begin !== -1, heading);
  const length = tokens.slice(begin + 1).findIndex((token) => token.type === "heading" && token.depth <= 2);
  visit(tokens.slice(begin + 1, begin + 1 + length));
  return blocks;
}

/** What a fresh machine has by installing, and the stand-in in its own shell, are there already. */
const shell = `
set -e
npm() {
  case "$*" in
    ci | "run standin") ;;
    "run engine -- "*) shift 3; node "$SITEPASS_ROOT/local/engine/start.cjs" "$@" ;;
    *) echo "not in this test: npm $*"; exit 9 ;;
  esac
}
npx() {
  [ "$1" = sitepass ] || { echo "not in this test: npx $*"; exit 9; }
  shift; node "$SITEPASS_ROOT/bin/sitepass.cjs" "$@"
}
`;

/** A copy of the project, and Cloudflare in another shell, as it was before the first command. */
async function freshStart(t: TestContext, home: string) {
  const directory = join(home, "project");
  mkdirSync(directory);
  copyProject(directory);
  const sandbox = await startSandbox({ ...accountOfStack(directory, "prod"), port: 0, edgePort: 0 });
  t.after(() => sandbox.close());
  const { standIn, edge } = sandbox;
  return {
    directory,
    edge,
    standIn,
    /** Types a block, with the addresses of this stand-in in place of those of the page. */
    type: (block: string, environment: Readonly<Record<string, string>>, more = ""): Promise<ProcessResult> =>
      runProcess(
        "bash",
        [
          "-c",
          [shell, more, block]
            .join("\n")
            .replaceAll("http://127.0.0.1:8798", edge.url)
            .replaceAll("http://127.0.0.1:8799", new URL(standIn.baseUrl).origin),
        ],
        {
          cwd: directory,
          environment: {
            NO_COLOR: "1",
            SITEPASS_ROOT: root,
            CLOUDFLARE_BASE_URL: standIn.baseUrl,
            CLOUDFLARE_API_TOKEN: standIn.apiToken,
            ...environment,
          },
        },
      ),
  };
}

function temporaryFolder(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), "sitepass-first-push-"));
  t.after(() => {
    rmSync(home, { recursive: true });
  });
  return home;
}

const sitesIn = (directory: string): string[] => readdirSync(join(directory, "sites")).sort();

describe("the first push, typed from docs/first-push.md", () => {
  it("is delivered on this machine, and what is broken on purpose is named", async (t) => {
    const { directory, type: typeIn } = await freshStart(t, temporaryFolder(t));
    const type = (block: string) => typeIn(block, { SITEPASS_STATE: ".sitepass/prod.json" });
    const blocks = blocksBelow("docs/first-push.md", "On this machine");
    assert.equal(blocks.length, 7);
    const [start = "", create = "", push = "", revoke = "", disconnect = "", hand = "", end = ""] = blocks;

    assert.equal((await type(start)).exitCode, 0);

    const created = await type(create);
    assert.equal(created.exitCode, 0, created.text);
    assert.ok(sitesIn(directory).includes("osaka.yaml"));
    assert.match(created.text, /\+ 27 created/);

    const pushed = await type(push);
    assert.equal(pushed.exitCode, 0, pushed.text);
    assert.match(pushed.text, /^osaka +metrics +ok +let in +4 of 4$/m);

    const revoked = await type(revoke);
    assert.match(revoked.text, /^osaka +metrics +ok +shut out +\d of \d$/m);
    assert.match(revoked.text, /^osaka +shut out/m);

    const disconnected = await type(disconnect);
    assert.equal(disconnected.exitCode, 1);
    assert.match(disconnected.text, /530 from Cloudflare \(error code 1033\)\. Start cloudflared/);

    const handed = await type(hand);
    assert.equal(handed.exitCode, 0, handed.text);
    assert.ok(readdirSync(join(directory, "rendered", "tokyo")).includes("README.md"));

    const ended = await type(end);
    assert.equal(ended.exitCode, 0, ended.text);
    assert.deepEqual(sitesIn(directory), ["berlin-shop.yaml", "porto-factory.yaml", "tokyo.yaml"]);
    assert.deepEqual(readdirSync(join(directory, ".sitepass")), []);
  });
});

/** What a person answers, and what only Cloudflare itself or Docker can do. */
const answers = (edgeUrl: string): string => `
pulumi() {
  case "$1" in
    up) command pulumi "$@" --yes --skip-preview --non-interactive ;;
    *) command pulumi "$@" --non-interactive ;;
  esac
}
docker() { [ -f central-host/compose.yaml ]; }
npx() {
  [ "$1" = sitepass ] || { echo "not in this test: npx $*"; exit 9; }
  shift
  case "$1 $2" in
    "init ") set -- init --yes ;;
    "central keys") echo "Access' keys are Cloudflare's own"; return 0 ;;
    "verify --watch") set -- "$@" --timeout 60 --via ${edgeUrl} ;;
    "verify "*) set -- "$@" --via ${edgeUrl} ;;
  esac
  node "$SITEPASS_ROOT/bin/sitepass.cjs" "$@"
}
`;

describe("the way to an account, typed from README.md", () => {
  const pulumi = findPulumi();

  it(
    "ends with a delivered push, and another site adds its own objects alone",
    { skip: pulumi.available ? false : pulumi.reason },
    async (t) => {
      assert.ok(pulumi.available);
      const home = temporaryFolder(t);
      const { directory, standIn, edge, type: typeIn } = await freshStart(t, home);
      const backend = join(home, "backend");
      mkdirSync(backend);
      const environment = {
        ...pulumi.pulumi.prepare(join(home, "pulumi")),
        PULUMI_BACKEND_URL: pathToFileURL(backend).href,
        PULUMI_CONFIG_PASSPHRASE: "stand-in",
      };
      const type = async (block: string): Promise<string> => {
        const { exitCode, text } = await typeIn(
          block.replace("CLOUDFLARE_API_TOKEN=...", "CLOUDFLARE_API_TOKEN"),
          environment,
          answers(edge.url),
        );
        assert.equal(exitCode, 0, `${block}\n${text}`);
        return text;
      };
      const blocks = blocksBelow("README.md", "Deploy on your account");
      assert.equal(blocks.length, 5);
      const [token = "", configure = "", sites = "", create = "", host = ""] = blocks;

      await type(token);
      await type(configure);
      await type(sites);
      assert.deepEqual(sitesIn(directory), ["tokyo.yaml"]);

      await type(create);
      const tokenNames = () => [...standIn.database.serviceTokens.values()].map(({ name }) => name);
      assert.deepEqual(tokenNames(), ["sitepass/prod/tokyo"]);

      assert.match(await type(host), /^tokyo +metrics +ok +let in +4 of 4$/m);

      standIn.clearRequests();
      const added = blocksBelow("README.md", "Add a site");
      assert.equal(added.length, 1);
      assert.match(await type(added.join("\n")), /^osaka +metrics +ok +let in +4 of 4$/m);
      assert.deepEqual(tokenNames().sort(), ["sitepass/prod/osaka", "sitepass/prod/tokyo"]);
      const made = standIn.requests.filter(({ method }) => method !== "GET");
      assert.deepEqual(made.map(({ method, path }) => `${method} ${path.split("/")[4] ?? ""}`).sort(), [
        "POST policies",
        "POST policies",
        "POST service_tokens",
        "PUT apps",
        "PUT apps",
      ]);
      assert.ok(readdirSync(join(directory, "rendered", "osaka")).includes("install.sh"));
    },
  );
});
