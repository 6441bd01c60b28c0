import { z } from "zod";
import type { RevealedOutputs } from "./stack";

const urls = z.record(z.string(), z.url());

const outputsSchema = z.strictObject({
  sites: z.record(
    z.string(),
    z.strictObject({
      clientId: z.string(),
      clientSecret: z.string(),
      expiresAt: z.string(),
      endpoints: urls,
    }),
  ),
  endpoints: urls,
  tunnelId: z.string().optional(),
  tunnelToken: z.string().optional(),
});

/** Checks what `stack output --json --show-secrets` printed against the contract. */
export function parseOutputs(text: string): RevealedOutputs {
  return outputsSchema.parse(JSON.parse(text));
}
