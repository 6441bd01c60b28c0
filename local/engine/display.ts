import pc from "picocolors";
import type { Operation, Step } from "./deployment";
import { masked } from "./masked-outputs";
import type { Properties } from "./properties";

const signs: Readonly<Record<Operation, string>> = {
  create: pc.green("+"),
  update: pc.yellow("~"),
  replace: pc.magenta("+-"),
  delete: pc.red("-"),
  import: pc.cyan("="),
  same: " ",
};

const words: Readonly<Record<Operation, readonly [done: string, planned: string]>> = {
  create: ["created", "to create"],
  update: ["updated", "to update"],
  replace: ["replaced", "to replace"],
  delete: ["deleted", "to delete"],
  import: ["imported", "to import"],
  same: ["unchanged", "unchanged"],
};

/** Of the types in resource-kinds.ts, so that names stand below each other. */
const longestType = "ZeroTrustTunnelCloudflaredConfig".length;

/** One line for each change; what stays as it is is only counted. */
export function showStep({ operation, type, name, milliseconds }: Step, planned: boolean): void {
  if (operation === "same") {
    return;
  }
  const word = words[operation][planned ? 1 : 0];
  const time = planned ? "" : pc.dim(` (${(milliseconds / 1000).toFixed(2)} s)`);
  const shortType = type.slice(type.lastIndexOf(":") + 1);
  console.log(
    ` ${signs[operation]}${operation === "replace" ? "" : " "} ${pc.dim(shortType.padEnd(longestType))} ${name} ${word}${time}`,
  );
}

/** How many of each, in the manner of `pulumi up`. */
export function showSummary(steps: readonly Step[], milliseconds: number): void {
  console.log(pc.bold("Resources:"));
  for (const operation of Object.keys(words) as Operation[]) {
    const count = steps.filter((step) => step.operation === operation).length;
    if (count > 0) {
      console.log(`    ${signs[operation]} ${count} ${words[operation][0]}`);
    }
  }
  console.log(`\nDuration: ${(milliseconds / 1000).toFixed(1)} s`);
}

export function showOutputs(outputs: Properties): void {
  if (Object.keys(outputs).length > 0) {
    console.log(`${pc.bold("Outputs:")} ${JSON.stringify(masked(outputs), undefined, 2)}\n`);
  }
}

/** Every line of a failure is an error of its own. */
export function showFailures(failures: readonly string[]): void {
  for (const line of failures.flatMap((failure) => failure.split("\n"))) {
    console.error(`${pc.red("error:")} ${line}`);
  }
}
