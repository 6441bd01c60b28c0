import { uncompress } from "snappyjs";

/**
 * Uncompresses Snappy's block format. snappyjs takes a body that ends early for whole and fills it up with zeros; Go's
 * decoder, which Prometheus and Loki use, does not, so the elements' lengths are added up here first (Snappy
 * format_description.txt). Throws with Go's words on anything corrupt.
 */
export function uncompressSnappy(body: Buffer): Buffer {
  try {
    if (declaredLength(body) === lengthOfElements(body)) {
      return uncompress(body);
    }
  } catch {
    // Said below.
  }
  throw new Error("snappy: corrupt input");
}

function lengthPrefix(body: Buffer): { readonly value: number; readonly bytes: number } {
  let value = 0;
  for (let bytes = 0; bytes < 5; bytes += 1) {
    const byte = body.readUInt8(bytes);
    value += (byte & 0x7f) * 2 ** (7 * bytes);
    if (byte < 0x80) {
      return { value, bytes: bytes + 1 };
    }
  }
  throw new Error("a length of more than five bytes");
}

function declaredLength(body: Buffer): number {
  return lengthPrefix(body).value;
}

function lengthOfElements(body: Buffer): number {
  let position = lengthPrefix(body).bytes;
  let length = 0;
  while (position < body.length) {
    const tag = body.readUInt8(position);
    position += 1;
    const upper = tag >> 2;
    switch (tag & 3) {
      case 0: {
        const extra = Math.max(0, upper - 59);
        const literal = (extra === 0 ? upper : body.readUIntLE(position, extra)) + 1;
        position += extra + literal;
        length += literal;
        break;
      }
      case 1:
        position += 1;
        length += (upper & 7) + 4;
        break;
      default:
        position += (tag & 3) === 2 ? 2 : 4;
        length += upper + 1;
    }
  }
  if (position > body.length) {
    throw new Error("an element that ends early");
  }
  return length;
}
