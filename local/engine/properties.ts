import { isDeepStrictEqual } from "node:util";
import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { isObject, mapSecrets, secretMarker } from "../../stack/state-file-reader";

/** Resource properties as the SDK puts them on the wire: JSON, with secrets and unknown values marked. */
export type Properties = Readonly<Record<string, unknown>>;

/** Stands for a value that is known only after an `up` (@pulumi/pulumi 3.248.0, runtime/rpc.ts, `unknownValue`). */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export const secret = (value: unknown): Properties => ({ ...secretMarker, value });

/** Properties as they may be shown. */
export const masked = (properties: Properties): unknown => mapSecrets(properties, () => "[secret]");

/** The properties in which two sets of inputs differ, sorted. An unknown value differs from every known one. */
export function changedProperties(before: Properties, after: Properties): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name])).sort();
}

/** Properties from the wire; none for a missing struct. */
export function propertiesOf(struct: Struct | undefined): Properties {
  const value: unknown = struct?.toJavaScript();
  return isObject(value) ? value : {};
}

/** Properties for the wire. Undefined values are left out. */
export function structOf(properties: Properties): Struct {
  return Struct.fromJavaScript(wireObject(properties));
}

function wireObject(properties: Properties): Record<string, JavaScriptValue> {
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, wireValue(value)]),
  );
}

function wireValue(value: unknown): JavaScriptValue {
  if (
    value === null ||
    typeof value === "string" ||
    typeof value === "number" ||
    typeof value === "boolean"
  ) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map(wireValue);
  }
  if (isObject(value)) {
    return wireObject(value);
  }
  throw new Error(`a ${typeof value} cannot be put on the wire`);
}
