import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { marked, type Token } from "marked";
import { runProcess, type ProcessResult } from "../../local/run/processes";
import { copyProject } from "../../local/run/project-stack";
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

describe("the first push, typed from docs/first-push.md", () => {
  it("is delivered on this machine, and what is broken on purpose is named", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "sitepass-first-push-"));
    copyProject(directory);
    const sandbox = await startSandbox({ ...accountOfStack(directory, "prod"), port: 0, edgePort: 0 });
    t.after(async () => {
      await sandbox.close();
      rmSync(directory, { recursive: true });
    });
    const { standIn, edge } = sandbox;
    const type = (block: string): Promise<ProcessResult> => {
      const here = block
        .replaceAll("http://127.0.0.1:8798", edge.url)
        .replaceAll("http://127.0.0.1:8799", new URL(standIn.baseUrl).origin);
      return runProcess("bash", ["-c", `${shell}\n${here}`], {
        cwd: directory,
        environment: {
          ...process.env,
          NO_COLOR: "1",
          SITEPASS_ROOT: root,
          CLOUDFLARE_BASE_URL: standIn.baseUrl,
          CLOUDFLARE_API_TOKEN: standIn.apiToken,
          SITEPASS_STATE: ".sitepass/prod.json",
        },
      });
    };
    const blocks = blocksBelow("docs/first-push.md", "On this machine");
    assert.equal(blocks.length, 7);
    const [start = "", create = "", push = "", revoke = "", disconnect = "", hand = "", end = ""] = blocks;

    assert.equal((await type(start)).exitCode, 0);

    const created = await type(create);
    assert.equal(created.exitCode, 0, created.text);
    assert.ok(readdirSync(join(directory, "sites")).includes("osaka.yaml"));
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
    assert.deepEqual(readdirSync(join(directory, "sites")).sort(), [
      "berlin-shop.yaml",
      "porto-factory.yaml",
      "tokyo.yaml",
    ]);
    assert.deepEqual(readdirSync(join(directory, ".sitepass")), []);
  });
});
