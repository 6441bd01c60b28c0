/** A public key as OpenSSH writes it, of the two kinds that age can encrypt to. */
export type SshPublicKey =
  | { readonly type: "ssh-ed25519"; readonly wire: Buffer; readonly point: Buffer }
  | { readonly type: "ssh-rsa"; readonly wire: Buffer; readonly exponent: Buffer; readonly modulus: Buffer };

/** age refuses smaller ones (FiloSottile/age, agessh.go), and so does every current OpenSSH. */
const leastRsaBits = 2048;

/**
 * Reads a line such as `ssh-ed25519 AAAA… comment` (RFC 4253, section 6.6; RFC 8709).
 *
 * @returns what is wrong with it in place of a key: the end of a sentence that begins with its name.
 */
export function readSshPublicKey(line: string): SshPublicKey | string {
  const [type = "", base64 = ""] = line.trim().split(/\s+/);
  if (type !== "ssh-ed25519" && type !== "ssh-rsa") {
    return `is of type ${type.slice(0, 40)}, which age cannot encrypt to. Give an age key, or an SSH key of type ssh-ed25519 or ssh-rsa`;
  }
  const wire = Buffer.from(base64, "base64");
  const [name, ...fields] = wireStrings(wire) ?? [];
  const [first, second] = fields;
  if (name?.toString() === type && wire.toString("base64") === base64) {
    if (type === "ssh-ed25519" && first?.length === 32 && fields.length === 1) {
      return { type, wire, point: first };
    }
    if (type === "ssh-rsa" && first !== undefined && second !== undefined && fields.length === 2) {
      const [exponent, modulus] = [unsigned(first), unsigned(second)];
      return modulus.length * 8 >= leastRsaBits
        ? { type, wire, exponent, modulus }
        : `is an RSA key of ${modulus.length * 8} bits, and age encrypts to no less than ${leastRsaBits}. Have a new key made with ssh-keygen -t ed25519`;
    }
  }
  return "is cut off or damaged. Copy the whole line of the .pub file";
}

/** The strings of a message (RFC 4251, section 5): a length of four bytes before each; undefined when they do not come out even. */
function wireStrings(wire: Buffer): readonly Buffer[] | undefined {
  const strings: Buffer[] = [];
  let at = 0;
  while (at < wire.length) {
    const start = at + 4;
    const end = start > wire.length ? Infinity : start + wire.readUInt32BE(at);
    if (end > wire.length) {
      return undefined;
    }
    strings.push(wire.subarray(start, end));
    at = end;
  }
  return strings;
}

/** A positive number without the zero byte that keeps its sign. */
function unsigned(number: Buffer): Buffer {
  return number[0] === 0 ? number.subarray(1) : number;
}
