import { cpSync, existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";

const root = join(__dirname, "..", "..");

/** What `pulumi up` needs of the project; its packages are linked. */
const parts = [
  "Pulumi.yaml",
  "Pulumi.prod.yaml",
  "package.json",
  "tsconfig.json",
  "tsconfig.pulumi.json",
  "index.ts",
  "cloudflare",
  "fleet",
  "provision",
  "sites",
];

/**
 * Copies the project into a folder, so that a run leaves the original as it is: the Pulumi CLI writes into the stack's
 * file, and tests change sites.
 */
export function copyProject(directory: string): void {
  for (const part of parts) {
    cpSync(join(root, part), join(directory, part), { recursive: true });
  }
  const packages = join(root, "node_modules");
  if (existsSync(packages)) {
    symlinkSync(packages, join(directory, "node_modules"));
  }
}
