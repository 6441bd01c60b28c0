import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { pipeToCommand } from "./pipe-to-command";

const never = new AbortController().signal;

/** Runs a shell script with the text on its stdin; it writes to the file that it is given as $1. */
async function run(script: string, text: string, signal = never): Promise<{ code: number; wrote: string }> {
  const folder = mkdtempSync(join(tmpdir(), "sitepass-pipe-"));
  const file = join(folder, "out");
  try {
    const code = await pipeToCommand(["sh", "-c", `: > "$1"; ${script}`, "sh", file], text, signal);
    return { code, wrote: readFileSync(file, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("pipeToCommand", () => {
  it("hands over every character of the text, and the command's words as they are", async () => {
    const text = "$HOME `id` \\n 'one' \"two\" ${x}\nEOF\n\n  ü\n";
    assert.deepEqual(await run('cat > "$1"', text), { code: 0, wrote: text });
    assert.equal(await pipeToCommand(["sh", "-c", 'test "$1" = "a b*"', "sh", "a b*"], "text\n", never), 0);
  });

  it("gives a pipe that can be opened by name", async () => {
    assert.deepEqual(await run('cat /dev/stdin > "$1"', "text\n"), { code: 0, wrote: "text\n" });
  });

  it("ends as the command does, also when it reads nothing or is ended by a signal", async () => {
    assert.equal((await run("exit 9", "text\n")).code, 9);
    assert.equal((await run("kill -TERM $$", "text\n")).code, 143);
    assert.equal(await pipeToCommand(["no-such-program"], "text\n", never), 127);
  });

  it("puts the text into no variable of the command's, even if one of that name is exported", async () => {
    process.env.sitepass_text = "another";
    try {
      const { wrote } = await run('env > "$1"', "very secret\n");
      assert.match(wrote, /PATH=/);
      assert.ok(!wrote.includes("very secret"));
    } finally {
      delete process.env.sitepass_text;
    }
  });

  it("ends the command when it is told to stop", async () => {
    const stopping = new AbortController();
    const running = pipeToCommand(["sleep", "60"], "text\n", stopping.signal);
    stopping.abort();
    assert.equal(await running, 143);
  });
});
