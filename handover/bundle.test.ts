import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Decrypter, generateIdentity, identityToRecipient } from "age-encryption";
import type { RenderedFile } from "../collectors/collector";
import { sealBundle, siteTar } from "./bundle";
import { readRecipients } from "./recipients";

const files: readonly RenderedFile[] = [
  { path: "prometheus/prometheus.yml", mode: 0o644, content: "global: {}\n" },
  { path: "prometheus/credentials/client_secret", mode: 0o600, content: "a secret" },
  { path: "install.sh", mode: 0o644, content: "#!/bin/sh\n" },
  // Longer than one record of a tar and one chunk of age.
  { path: "README.md", mode: 0o644, content: "é".repeat(70_000) },
];

const absent = (program: string): boolean => spawnSync(program, ["--help"]).error !== undefined;

let home = "";
before(() => {
  home = mkdtempSync(join(tmpdir(), "sitepass-bundle-"));
});
after(() => {
  rmSync(home, { recursive: true, force: true });
});

describe("siteTar", () => {
  it("gives the same bytes for the same files, in whatever order", async () => {
    const tar = await siteTar("tokyo", files);
    assert.deepEqual(await siteTar("tokyo", [...files].reverse()), tar);
  });

  it(
    "is one folder with the files' modes, whoever unpacks it",
    { skip: absent("tar") && "tar is not installed" },
    async () => {
      const tar = join(home, "tokyo.tar");
      writeFileSync(tar, await siteTar("tokyo", files));
      assert.deepEqual(
        execFileSync("tar", ["--list", "--verbose", "--numeric-owner", "--utc", "--file", tar], {
          encoding: "utf8",
        })
          .trimEnd()
          .split("\n")
          .map((line) => line.replaceAll(/ +/g, " ")),
        [
          "drwx------ 0/0 0 2000-01-01 00:00 tokyo/",
          "drwx------ 0/0 0 2000-01-01 00:00 tokyo/prometheus/",
          "drwx------ 0/0 0 2000-01-01 00:00 tokyo/prometheus/credentials/",
          "-rw-r--r-- 0/0 140000 2000-01-01 00:00 tokyo/README.md",
          "-rw-r--r-- 0/0 10 2000-01-01 00:00 tokyo/install.sh",
          "-rw------- 0/0 8 2000-01-01 00:00 tokyo/prometheus/credentials/client_secret",
          "-rw-r--r-- 0/0 11 2000-01-01 00:00 tokyo/prometheus/prometheus.yml",
        ],
      );
    },
  );
});

describe("sealBundle", () => {
  it("seals for every recipient alone, and shows nothing of the files", async () => {
    const identities = [await generateIdentity(), await generateIdentity()];
    const recipients = readRecipients(await Promise.all(identities.map(identityToRecipient)));
    const sealed = await sealBundle({ site: "tokyo", files, recipients });
    assert.ok(!Buffer.from(sealed).includes("secret"));
    const tar = await siteTar("tokyo", files);
    for (const identity of identities) {
      const decrypter = new Decrypter();
      decrypter.addIdentity(identity);
      assert.deepEqual(Buffer.from(await decrypter.decrypt(sealed)), tar);
    }
    const stranger = new Decrypter();
    stranger.addIdentity(await generateIdentity());
    await assert.rejects(stranger.decrypt(sealed), /no identity matched/);
  });

  for (const { type, args } of [
    { type: "ed25519", args: [] },
    { type: "rsa", args: ["-b", "2048"] },
    { type: "rsa", args: ["-b", "3072"] },
  ]) {
    it(
      `is opened by age with an SSH key made by ssh-keygen -t ${[type, ...args].join(" ")}`,
      {
        skip:
          (absent("age") && "age is not installed") ||
          (absent("ssh-keygen") && "ssh-keygen is not installed"),
      },
      async () => {
        // Several of each: a mistake in the arithmetic may show for some points alone.
        for (let count = 1; count <= (type === "ed25519" ? 8 : 1); count += 1) {
          const key = join(home, `${type}-${args.join("")}-${count}`);
          execFileSync("ssh-keygen", ["-q", "-t", type, ...args, "-N", "", "-C", "a comment", "-f", key]);
          const sealed = await sealBundle({
            site: "tokyo",
            files,
            recipients: readRecipients([await identityToRecipient(await generateIdentity()), `${key}.pub`]),
          });
          const opened = execFileSync("age", ["--decrypt", "--identity", key], { input: sealed });
          assert.deepEqual(opened, await siteTar("tokyo", files));
        }
      },
    );
  }

  it(
    "is opened by age with a key of age-keygen",
    { skip: absent("age") && "age is not installed" },
    async () => {
      const key = join(home, "age-key");
      execFileSync("age-keygen", ["-o", key], { stdio: "ignore" });
      const recipient = execFileSync("age-keygen", ["-y", key], { encoding: "utf8" }).trim();
      const sealed = await sealBundle({ site: "tokyo", files, recipients: readRecipients([recipient]) });
      const opened = execFileSync("age", ["--decrypt", "--identity", key], { input: sealed });
      assert.deepEqual(opened, await siteTar("tokyo", files));
    },
  );
});
