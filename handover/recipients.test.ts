import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { problemText, UserError } from "../fleet/problem";
import { readRecipients } from "./recipients";

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

const refusal = (texts: readonly string[]): readonly string[] => {
  try {
    readRecipients(texts);
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

const put = (name: string, text: string): string => {
  writeFileSync(join(home, name), text);
  return join(home, name);
};

describe("readRecipients", () => {
  it("reads keys, and files of keys with comments and empty lines", async () => {
    const age = await identityToRecipient(await generateIdentity());
    const list = put(
      "list.txt",
      `# Tokyo\r\n${age}\r\n\n  ${ed25519Line()} somebody@tokyo\n${rsaLine(2048)}\n`,
    );
    assert.equal(readRecipients([age, `${ed25519Line()} me`, list]).length, 5);
  });

  it("refuses a private key without showing it", async () => {
    const identity = await generateIdentity();
    const inFile = put("identity.txt", `# public key: ${await identityToRecipient(identity)}\n${identity}\n`);
    const pem = put(
      "id_ed25519",
      "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    );
    put("id_ed25519.pub", ed25519Line());
    const problems = refusal([identity, identity.toLowerCase(), inFile, pem, readFileSync(pem, "utf8")]);
    const inArgument =
      "--bundle: is a private key, which is not shown here. Give the public key that goes with it, and have a new pair made: this one is in the shell's history.";
    assert.deepEqual(problems, [
      inArgument,
      inArgument,
      `${inFile}: is a private key. Give its public key, as ssh-keygen -y or age-keygen -y prints it.`,
      `${pem}: is a private key. Give its public key, ${pem}.pub.`,
      inArgument,
    ]);
    assert.ok(!problems.join("").toUpperCase().includes(identity.slice(20, 40)));
  });

  it("names every key that cannot be used, with its line", async () => {
    const age = await identityToRecipient(await generateIdentity());
    const ed25519 = ed25519Line();
    const list = put(
      "bad.txt",
      [
        "# Keys",
        age.slice(0, -1),
        ed25519.slice(0, -4),
        `ssh-ed25519 ${wire("ssh-rsa", Buffer.alloc(32))}`,
        `ssh-ed25519 ${wire("ssh-ed25519", Buffer.alloc(31))}`,
        // The neutral point: what is encrypted to it, anybody opens.
        `ssh-ed25519 ${wire("ssh-ed25519", Buffer.from([1, ...Array<number>(31).fill(0)]))}`,
        rsaLine(1024),
        "ecdsa-sha2-nistp256 AAAAE2VjZHNh me",
        "restrict ssh-ed25519 AAAA",
        "ssh-ed25519 AAAAé== me",
      ].join("\n"),
    );
    const damaged = "is cut off or damaged. Copy the whole line of the .pub file.";
    assert.deepEqual(refusal([list]), [
      `${list}:2: is ${age.slice(0, 20)}…, which is not a whole public key. Copy it again.`,
      `${list}:3: ${damaged}`,
      `${list}:4: ${damaged}`,
      `${list}:5: ${damaged}`,
      `${list}:6: is ssh-ed25519 AAAAC3Nz…, which is not a whole public key. Copy it again.`,
      `${list}:7: is an RSA key of 1024 bits, and age encrypts to no less than 2048. Have a new key made with ssh-keygen -t ed25519.`,
      `${list}:8: is of type ecdsa-sha2-nistp256, which age cannot encrypt to. Give an age key, or an SSH key of type ssh-ed25519 or ssh-rsa.`,
      `${list}:9: is neither an age public key nor an SSH one. Write age1… or ssh-ed25519 AAAA…, and nothing before it.`,
      `${list}:10: ${damaged}`,
    ]);
  });

  it("says what is neither a key nor a file, and shows it only when it looks like a path", () => {
    const empty = put("empty.pub", "# nobody yet\n\n");
    const hint = 'Give age1…, "ssh-ed25519 AAAA…", or a file of such lines.';
    assert.deepEqual(refusal(["~/.ssh/tokyo.pub", "c2VjcmV0IHNlY3JldA", home, empty]), [
      `--bundle: ~/.ssh/tokyo.pub is neither a public key nor a file. ${hint}`,
      `--bundle: c2VjcmV0… is neither a public key nor a file. ${hint}`,
      `${home}: cannot be read (EISDIR: illegal operation on a directory, read). Give a file of public keys.`,
      `${empty}: names nobody to encrypt to. Write a public key into it.`,
    ]);
  });
});
