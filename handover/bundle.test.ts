import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Decrypter, generateIdentity, identityToRecipient } from "age-encryption";
import type { RenderedFile } from "../collectors/collector";
import { problemText, UserError } from "../fleet/problem";
import { openSeal, siteTar } from "./bundle";

const files: readonly RenderedFile[] = [
  { path: "prometheus/prometheus.yml", mode: 0o644, content: "global: {}\n" },
  { path: "prometheus/credentials/client_secret", mode: 0o600, content: "a secret" },
  { path: "install.sh", mode: 0o644, content: "#!/bin/sh\n" },
  // Longer than one record of a tar and one chunk of age.
  { path: "README.md", mode: 0o644, content: "é".repeat(70_000) },
];

const absent = (program: string): boolean => spawnSync(program, ["--help"]).error !== undefined;

const noAge = absent("age") && "age is not installed";

/** Strings of RFC 4251, as they lie in a public key. */
const wire = (...fields: readonly (string | Buffer)[]): string =>
  Buffer.concat(
    fields.flatMap((field) => {
      const bytes = Buffer.from(field);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  ).toString("base64");

function rsaLine(bits: number): string {
  const { n = "", e = "" } = generateKeyPairSync("rsa", { modulusLength: bits }).publicKey.export({
    format: "jwk",
  });
  const modulus = Buffer.concat([Buffer.alloc(1), Buffer.from(n, "base64url")]);
  return `ssh-rsa ${wire("ssh-rsa", Buffer.from(e, "base64url"), modulus)}`;
}

function ed25519Line(): string {
  const { x = "" } = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });
  return `ssh-ed25519 ${wire("ssh-ed25519", Buffer.from(x, "base64url"))}`;
}

const refusal = async (texts: readonly string[]): Promise<readonly string[]> => {
  try {
    await openSeal(texts);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.problems.map(problemText);
  }
  return [];
};

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

describe("a sealed bundle", () => {
  it("seals for every recipient alone, and shows nothing of the files", async () => {
    const identities = [await generateIdentity(), await generateIdentity()];
    const seal = await openSeal(await Promise.all(identities.map(identityToRecipient)));
    const sealed = await seal("tokyo", files);
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
        skip: noAge || (absent("ssh-keygen") && "ssh-keygen is not installed"),
      },
      async () => {
        const key = join(home, `${type}-${args.join("")}`);
        execFileSync("ssh-keygen", ["-q", "-t", type, ...args, "-N", "", "-C", "a comment", "-f", key]);
        const identity = await generateIdentity();
        const seal = await openSeal([await identityToRecipient(identity), `${key}.pub`]);
        const sealed = await seal("tokyo", files);
        assert.ok(!Buffer.from(sealed).includes("secret"));
        const tar = await siteTar("tokyo", files);
        assert.deepEqual(execFileSync("age", ["--decrypt", "--identity", key], { input: sealed }), tar);
        const decrypter = new Decrypter();
        decrypter.addIdentity(identity);
        assert.deepEqual(Buffer.from(await decrypter.decrypt(sealed)), tar);
      },
    );
  }

  it("is opened by age with a key of age-keygen", { skip: noAge }, async () => {
    const key = join(home, "age-key");
    execFileSync("age-keygen", ["-o", key], { stdio: "ignore" });
    const recipient = execFileSync("age-keygen", ["-y", key], { encoding: "utf8" }).trim();
    const sealed = await (await openSeal([recipient]))("tokyo", files);
    const opened = execFileSync("age", ["--decrypt", "--identity", key], { input: sealed });
    assert.deepEqual(opened, await siteTar("tokyo", files));
  });
});

const put = (name: string, text: string): string => {
  writeFileSync(join(home, name), text);
  return join(home, name);
};

describe("openSeal", () => {
  it("reads keys, and files of keys with comments and empty lines", { skip: noAge }, async () => {
    const age = await identityToRecipient(await generateIdentity());
    const list = put(
      "list.txt",
      `# Tokyo\r\n${age}\r\n\n  ${ed25519Line()} somebody@tokyo\n${rsaLine(2048)}\n`,
    );
    const seal = await openSeal([age, `${ed25519Line()} me`, list]);
    const sealed = Buffer.from(await seal("tokyo", files)).toString("latin1");
    assert.deepEqual(
      [...sealed.matchAll(/^-> (\S+)/gm)].map(([, type]) => type),
      ["X25519", "ssh-ed25519", "X25519", "ssh-ed25519", "ssh-rsa"],
    );
  });

  it("refuses a private key without showing it", async () => {
    const identity = await generateIdentity();
    const inFile = put("identity.txt", `# public key: ${await identityToRecipient(identity)}\n${identity}\n`);
    const pem = put(
      "id_ed25519",
      "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    );
    put("id_ed25519.pub", ed25519Line());
    const problems = await refusal([
      identity,
      identity.toLowerCase(),
      inFile,
      pem,
      readFileSync(pem, "utf8"),
    ]);
    const inArgument =
      "--bundle: is a private key, which is not shown here. Give the public key that goes with it, and make a new pair: this one is in the shell's history.";
    assert.deepEqual(problems, [
      inArgument,
      inArgument,
      `${inFile}: is a private key. Give its public key, as ssh-keygen -y or age-keygen -y prints it.`,
      `${pem}: is a private key. Give its public key, ${pem}.pub.`,
      inArgument,
    ]);
    assert.ok(!problems.join("").toUpperCase().includes(identity.slice(20, 40)));
  });

  it(
    "names every key that cannot be used, with its line, and what age says of it",
    { skip: noAge },
    async () => {
      const age = await identityToRecipient(await generateIdentity());
      const ed25519 = ed25519Line();
      const list = put(
        "bad.txt",
        [
          "# Keys",
          age.slice(0, -1),
          ed25519.slice(0, -4),
          ed25519,
          // The neutral point: what is encrypted to it, anybody opens.
          `ssh-ed25519 ${wire("ssh-ed25519", Buffer.from([1, ...Array<number>(31).fill(0)]))}`,
          rsaLine(1024),
          "ecdsa-sha2-nistp256 AAAAE2VjZHNh me",
          "restrict ssh-ed25519 AAAA",
        ].join("\n"),
      );
      const refused = (reason: string) =>
        `is refused by age (${reason}). Copy the whole line of the .pub file, or make a new key with ssh-keygen -t ed25519.`;
      assert.deepEqual(await refusal([list]), [
        `${list}:2: is ${age.slice(0, 20)}…, which is not a whole public key. Copy it again.`,
        `${list}:3: ${refused("malformed SSH recipient: ssh: no key found")}`,
        `${list}:5: ${refused("failed to wrap key for recipient #0: bad input point: low order point")}`,
        `${list}:6: ${refused("malformed SSH recipient: RSA key size is too small")}`,
        `${list}:7: is of type ecdsa-sha2-nistp256, which age cannot encrypt to. Give an age key, or an SSH key of type ssh-ed25519 or ssh-rsa.`,
        `${list}:8: is neither an age public key nor an SSH one. Write age1… or ssh-ed25519 AAAA…, and nothing before it.`,
      ]);
    },
  );

  it("says once that SSH keys need the program age where it is not there, and does without for other keys", async (t) => {
    const path = process.env.PATH;
    t.after(() => {
      process.env.PATH = path;
    });
    process.env.PATH = home;
    const age = await identityToRecipient(await generateIdentity());
    assert.deepEqual(await refusal([ed25519Line(), age, rsaLine(2048), "./nobody.pub"]), [
      '--bundle: ./nobody.pub is neither a public key nor a file. Give age1…, "ssh-ed25519 AAAA…", or a file of such lines.',
      "age: is not on PATH, and SSH recipients need it. Install age, or give an age recipient.",
    ]);
    assert.deepEqual(await refusal([age]), []);
  });

  it("says what is neither a key nor a file, and shows it only when it looks like a path", async () => {
    const empty = put("empty.pub", "# nobody yet\n\n");
    const hint = 'Give age1…, "ssh-ed25519 AAAA…", or a file of such lines.';
    assert.deepEqual(await refusal(["~/.ssh/tokyo.pub", "c2VjcmV0IHNlY3JldA", home, empty]), [
      `--bundle: ~/.ssh/tokyo.pub is neither a public key nor a file. ${hint}`,
      `--bundle: c2VjcmV0… is neither a public key nor a file. ${hint}`,
      `${home}: cannot be read (illegal operation on a directory). Give a file of public keys.`,
      `${empty}: holds no public key to encrypt to. Write one into it.`,
    ]);
  });
});
