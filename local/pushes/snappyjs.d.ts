/** snappyjs 0.7.0 has no declarations of its own. Both throw on anything that is not Snappy's block format. */
declare module "snappyjs" {
  export function compress(uncompressed: Buffer): Buffer;
  export function uncompress(compressed: Buffer, maxLength?: number): Buffer;
}
