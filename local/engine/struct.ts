import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { isObject, type Properties } from "./properties";

/** Properties from the wire; none for a missing struct. */
export function propertiesOf(struct: Struct | undefined): Properties {
  const value: unknown = struct?.toJavaScript();
  return isObject(value) ? value : {};
}

/** Properties for the wire. Undefined values are left out. */
export function structOf(properties: Properties): Struct {
  return Struct.fromJavaScript(
    Object.fromEntries(
      Object.entries(properties)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [key, javaScriptValue(value)]),
    ),
  );
}

function javaScriptValue(value: unknown): JavaScriptValue {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
      return value;
    default:
      break;
  }
  if (value === null) {
    return null;
  }
  if (Array.isArray(value)) {
    return value.map((item) => javaScriptValue(item));
  }
  if (isObject(value)) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => [key, javaScriptValue(item)]),
    );
  }
  throw new Error(`a ${typeof value} cannot be put on the wire`);
}
