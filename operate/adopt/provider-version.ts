import { createRequire } from "node:module";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../fleet/problem";

const packageSchema = z.looseObject({ version: z.string() });

/**
 * The version of the provider's SDK that a project's program loads, and so of the provider that `up` asks for.
 *
 * @throws UserError when the project's packages are not installed.
 */
export function providerVersion(directory: string): string {
  try {
    const found: unknown = createRequire(join(directory, "index.ts"))("@pulumi/cloudflare/package.json");
    return packageSchema.parse(found).version;
  } catch {
    throw new UserError([
      `${directory}: has no package @pulumi/cloudflare. Run \`npm ci\` there, or name the project's folder with --cwd.`,
    ]);
  }
}
