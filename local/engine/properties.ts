/**
 * Resource properties as the SDK puts them on the wire: JSON, with secrets and unknown values marked.
 * Source of the markers: @pulumi/pulumi 3.248.0, runtime/rpc.ts (`specialSigKey`, `specialSecretSig`, `unknownValue`).
 */
export type Properties = Readonly<Record<string, unknown>>;

const signatureKey = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** Stands for a value that is known only after an `up`. */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export function secret(value: unknown): Properties {
  return { [signatureKey]: secretSignature, value };
}

export function isSecret(value: unknown): value is { readonly value: unknown } {
  return isObject(value) && value[signatureKey] === secretSignature;
}

/** A copy without markers of secrecy, as an API takes it. */
export function revealed(value: unknown): unknown {
  return mapSecrets(value, (hidden) => revealed(hidden));
}

/** A copy in which every secret is replaced. */
export function mapSecrets(value: unknown, replace: (hidden: unknown) => unknown): unknown {
  if (isSecret(value)) {
    return replace(value.value);
  }
  if (Array.isArray(value)) {
    return value.map((item) => mapSecrets(item, replace));
  }
  return isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapSecrets(item, replace)]))
    : value;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
