import { z } from "zod";
import { UserError } from "../fleet/problem";
import { signalNames } from "../fleet/signals";

const urls = z.partialRecord(z.enum(signalNames), z.url());

const textOrNone = z
  .string()
  .nullish()
  .transform((text) => text ?? "");

const siteSchema = z.strictObject({
  // Absent for a site whose token no `up` has made yet, because it was told to do something else with --target.
  clientId: textOrNone,
  // Null or absent after an import, which never brings it: Cloudflare shows a secret once.
  clientSecret: textOrNone,
  expiresAt: textOrNone,
  endpoints: urls,
});

const outputsSchema = z.strictObject({
  // A site without credentials is a site without a token.
  sites: z
    .record(z.string(), siteSchema)
    .transform((sites) =>
      Object.fromEntries(Object.entries(sites).filter(([, { clientId }]) => clientId !== "")),
    ),
  endpoints: urls,
  tunnelId: z.string().optional(),
  tunnelToken: z.string().optional(),
});

/**
 * The stack's outputs in clear, a public contract (provision/outputs.ts), with the sites that have a token. `expiresAt` is
 * RFC 3339, or empty for a token that never expires; `clientSecret` is empty for a token that was adopted and not rotated since, whose secret no stack
 * knows.
 */
export type RevealedOutputs = z.infer<typeof outputsSchema>;

/** What a site's collector is given, with its secret in clear. */
export type SiteCredentials = RevealedOutputs["sites"][string];

/**
 * Checks what a stack gave as its outputs against the contract.
 *
 * @throws UserError when they are something else, as of a stack that was never brought up. The values are not shown:
 * they may be secrets.
 */
export function parseOutputs(outputs: unknown, stackName: string): RevealedOutputs {
  const parsed = outputsSchema.safeParse(outputs);
  if (parsed.success) {
    return parsed.data;
  }
  const keys = [...new Set(parsed.error.issues.map(({ path }) => path.join(".") || "outputs"))];
  throw new UserError({
    subject: `stack ${stackName}`,
    says: `its outputs are not those of this program (${keys.slice(0, 3).join(", ")})`,
    todo: "Run `pulumi up`, and name the right stack with --stack",
  });
}
