import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseOutputs, type RevealedOutputs } from "../../stack/stack-outputs";
import { UserError } from "../../fleet/problem";
import { revealed } from "./properties";
import { StateFile } from "./state-file";

/**
 * Reads a stack's outputs in clear from the state file that this engine keeps.
 *
 * @param passphrase what PULUMI_CONFIG_PASSPHRASE was when the file was made.
 * @throws UserError when there is no such file, it does not open, or it holds no outputs.
 */
export function readStateOutputs(
  file: string,
  stackName: string,
  passphrase: string | undefined,
): RevealedOutputs {
  if (!existsSync(file)) {
    throw new UserError([
      `${file}: is not there. Make it with \`npm run engine -- up\`, or leave out --state to ask pulumi.`,
    ]);
  }
  if (passphrase === undefined || passphrase === "") {
    throw new UserError([
      `PULUMI_CONFIG_PASSPHRASE: is not set, and the secrets in ${file} are encrypted with it. Export it.`,
    ]);
  }
  return parseOutputs(revealed(new StateFile(resolve(file), passphrase).state.outputs), stackName);
}
