import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { orThrow } from "../fleet/problem";
import { problemTexts } from "../fleet/testing/problem-texts";
import { pipeToCommand, writeSecretFile } from "./hand-out";
import { freshFolder } from "./testing/folders";

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

describe("writeSecretFile", () => {
  it("writes for the owner alone, and leaves nothing else behind", (t) => {
    const folder = freshFolder(t);
    const file = join(folder, "secret");
    orThrow(writeSecretFile(file, "one\n"));
    writeFileSync(join(folder, "open"), "");
    chmodSync(join(folder, "open"), 0o666);
    orThrow(writeSecretFile(join(folder, "open"), "two\n"));
    for (const [name, text] of [
      ["secret", "one\n"],
      ["open", "two\n"],
    ] as const) {
      assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
      assert.equal(readFileSync(join(folder, name), "utf8"), text);
    }
    assert.deepEqual(readdirSync(folder).sort(), ["open", "secret"]);
  });

  it(
    "leaves a file to the user that it belongs to",
    { skip: process.getuid?.() === 0 ? false : "only root can write for another user" },
    (t) => {
      const file = join(freshFolder(t), "secret");
      writeFileSync(file, "one\n");
      chownSync(file, 4321, 5432);
      orThrow(writeSecretFile(file, "two\n"));
      const { uid, gid, mode } = statSync(file);
      assert.deepEqual({ uid, gid, mode: mode & 0o777 }, { uid: 4321, gid: 5432, mode: 0o600 });
    },
  );

  it("follows a link, and judges the folder that it leads to", (t) => {
    const folder = freshFolder(t);
    mkdirSync(join(folder, "deep"));
    writeFileSync(join(folder, "deep", "target"), "old");
    symlinkSync(join(folder, "deep", "target"), join(folder, "link"));
    orThrow(writeSecretFile(join(folder, "link"), "new\n"));
    assert.ok(lstatSync(join(folder, "link")).isSymbolicLink());
    assert.equal(readFileSync(join(folder, "deep", "target"), "utf8"), "new\n");
    chmodSync(join(folder, "deep"), 0o777);
    assert.deepEqual(problemTexts(writeSecretFile(join(folder, "link"), "newer\n")), [
      `${join(folder, "link")}: would lie in ${join(folder, "deep")}, where everybody may write. Name a file in a folder of your own.`,
    ]);
    assert.equal(readFileSync(join(folder, "deep", "target"), "utf8"), "new\n");
  });

  it("refuses a folder that everybody may write to, with the sticky bit too", (t) => {
    const folder = freshFolder(t);
    const file = join(folder, "secret");
    for (const mode of [0o1777, 0o702]) {
      chmodSync(folder, mode);
      assert.deepEqual(problemTexts(writeSecretFile(file, "text\n")), [
        `${file}: would lie in ${folder}, where everybody may write. Name a file in a folder of your own.`,
      ]);
    }
    chmodSync(folder, 0o700);
    assert.deepEqual(readdirSync(folder), []);
  });

  it("refuses a folder that a group may write to, where somebody else's file would receive the secret", (t) => {
    const folder = freshFolder(t);
    const file = join(folder, "secret");
    writeFileSync(file, "somebody's\n");
    for (const mode of [0o770, 0o2775]) {
      chmodSync(folder, mode);
      assert.deepEqual(problemTexts(writeSecretFile(file, "text\n")), [
        `${file}: would lie in ${folder}, where a group may write. Name a file in a folder that its owner alone may change, or run \`chmod g-w\` on this one.`,
      ]);
    }
    assert.equal(readFileSync(file, "utf8"), "somebody's\n");
  });

  it("refuses a link in a folder where others may write, wherever it leads", (t) => {
    const folder = freshFolder(t);
    mkdirSync(join(folder, "shared"));
    mkdirSync(join(folder, "theirs"));
    writeFileSync(join(folder, "theirs/target"), "old");
    symlinkSync(join(folder, "theirs/target"), join(folder, "shared/link"));
    for (const [mode, whose] of [
      [0o1777, "everybody may write"],
      [0o770, "a group may write"],
    ] as const) {
      chmodSync(join(folder, "shared"), mode);
      const [problem = ""] = problemTexts(writeSecretFile(join(folder, "shared/link"), "new\n"));
      assert.ok(problem.includes(`would lie in ${join(folder, "shared")}, where ${whose}.`), problem);
    }
    assert.equal(readFileSync(join(folder, "theirs/target"), "utf8"), "old");
  });

  it("refuses what is not a file, a folder that is not there, and a link that leads nowhere", (t) => {
    const folder = freshFolder(t);
    symlinkSync(join(folder, "nowhere"), join(folder, "dangling"));
    assert.deepEqual(problemTexts(writeSecretFile(folder, "text\n")), [
      `${folder}: is there and is not a file. Name a file, or use a pipe in place of --to.`,
    ]);
    for (const name of ["none/secret", "dangling"]) {
      assert.deepEqual(problemTexts(writeSecretFile(join(folder, name), "text\n")), [
        `${join(folder, name)}: cannot be written (no such file or directory). Make its folder first, with mode 0700, or name another file.`,
      ]);
    }
  });
});
