import { mapSecrets, type Properties } from "./properties";

/** Outputs as they may be shown. */
export function masked(outputs: Properties): unknown {
  return mapSecrets(outputs, () => "[secret]");
}
