import { z } from "zod";
import { collectorNames } from "./collector-names";
import { durationProblem } from "./duration";
import { addedLabelProblem, proxyProblem, shardProblem } from "./names";
import { relayNames } from "./relay-names";
import { signalNames } from "./signals";
import { checkedText } from "./zod-issues";

// Patterns and dependencies in `meta` are for editors, by way of the JSON Schema; the checks beside them are the gate.
const labelName = checkedText(addedLabelProblem).meta({
  pattern: "^(?!__|exported_)[a-zA-Z_][a-zA-Z0-9_]{0,1023}$",
});

/** Loki refuses values over 2,048 bytes (limits_config.max_label_value_length); Prometheus treats an empty value as a missing label. */
const labelValue = z
  .string()
  .min(
    1,
    "is empty, and Prometheus treats an empty label as a missing one. Give it a value, or drop the label",
  )
  .refine(
    (value) => Buffer.byteLength(value) <= 2048,
    "is longer than the 2048 bytes that Loki accepts. Shorten it",
  )
  // Half of a surrogate pair has no bytes in UTF-8, which Prometheus and Loki both ask for.
  .refine((value) => !/\p{Surrogate}/u.test(value), "is not text. Type it again")
  .refine((value) => !/\p{Cc}/u.test(value), "holds a control character. Write it on one line of plain text");

const tokenSchema = z
  .strictObject({
    duration: checkedText(durationProblem)
      .meta({
        pattern: "^(?:forever|(?:[0-9]+(?:[.][0-9]*)?(?:ns|us|µs|ms|s|m|h))+)$",
        examples: ["8760h", "forever"],
      })
      .optional()
      .describe(
        "How long the token is valid: hours such as 8760h, or forever. Default: the stack's tokenDuration.",
      ),
    enabled: z
      .boolean()
      .default(true)
      .describe("false shuts the site out at once and keeps its token, so that it can be let in again."),
    secretVersion: z
      .int()
      .min(1, "is less than 1. Count rotations from 1")
      .default(1)
      .meta({ examples: [2] })
      .describe("Raise by one to rotate the client secret. Never lower it again."),
    previousSecretExpiresAt: z.iso
      .datetime({ offset: true, message: "is not a time. Write it as in 2026-12-01T00:00:00Z" })
      .meta({ examples: ["2026-12-01T00:00:00Z"] })
      .optional()
      .describe(
        "Until when the secret before the rotation keeps working: a fixed time. Only with a raised secretVersion.",
      ),
  })
  .refine((token) => token.secretVersion <= 1 || token.previousSecretExpiresAt !== undefined, {
    path: ["secretVersion"],
    message:
      "needs token.previousSecretExpiresAt with it. Say until when the secret before it keeps working, such as 2026-12-01T00:00:00Z",
  })
  .refine((token) => token.secretVersion !== 1 || token.previousSecretExpiresAt === undefined, {
    path: ["previousSecretExpiresAt"],
    message:
      "means nothing without a raised token.secretVersion. Set secretVersion to 2 to rotate, or drop the time",
  })
  .meta({ dependencies: { previousSecretExpiresAt: ["secretVersion"] } });

const shardName = checkedText(shardProblem).meta({ pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$" });

/**
 * One file in `sites/`. Every key is optional: an empty file is a valid site. Strict, because a misspelt key would
 * otherwise be taken for its default in silence.
 */
export const siteSchema = z
  .strictObject({
    $schema: z.string().optional().describe("For editors of JSON files; ignored."),
    description: z
      .string()
      .max(200, "is longer than 200 characters. Shorten it")
      .meta({ examples: ["Tokyo, rack A of the shared hall"] })
      .optional()
      .describe("What and where the site is, for people."),
    signals: z
      .array(z.enum(signalNames))
      .min(
        1,
        "is empty. Name a signal, or drop the key for all of them; to shut the site out, set token.enabled to false",
      )
      .refine((names) => new Set(names).size === names.length, "names a signal twice. Name it once")
      .optional()
      .describe("What the site may push. Default: every signal that has an endpoint."),
    labels: z
      .record(labelName, labelValue)
      .meta({ examples: [{ region: "apac", kind: "rack" }] })
      .default({})
      .describe(
        "Labels that the site's collector adds to every sample and log line, beside the site's own name. What data bring under the same name wins.",
      ),
    proxy: checkedText(proxyProblem)
      .meta({ pattern: "^http://[^/@]+:[0-9]{1,5}$", examples: ["http://proxy.example.net:3128"] })
      .optional()
      .describe("The HTTP proxy through which the site's pushes leave its network. Default: none."),
    token: tokenSchema.prefault({}).describe("The site's service token."),
    collector: z.enum(collectorNames).optional().describe("The collector that the site runs."),
    relay: z
      .enum(relayNames)
      .optional()
      .describe("A proxy before the collector that keeps refused pushes from being lost."),
    shard: shardName
      .meta({ examples: ["eu"] })
      .optional()
      .describe(
        "The shard that the site is in: the stack whose sitepass:shard is the same. Default: the shard without a name.",
      ),
    movingTo: shardName
      .meta({ examples: ["us"] })
      .optional()
      .describe(
        "The shard that the site is moving to. Until it is that one's alone, both have a token for it.",
      ),
  })
  .refine(({ shard, movingTo }) => movingTo === undefined || movingTo !== shard, {
    path: ["movingTo"],
    message: "is the shard that the site is in. Name another one, or drop it",
  })
  // True of every release of nginx (docs/facts/collectors.md, K57).
  .refine(({ proxy, relay }) => proxy === undefined || relay !== "nginx", {
    path: ["relay"],
    message: "cannot send through a proxy, and the site has one. Take caddy, or leave out relay or proxy",
  })
  .meta({ dependencies: { proxy: { properties: { relay: { enum: ["caddy"] } } } } });

export type SiteFile = z.infer<typeof siteSchema>;

/**
 * The JSON Schema of a site file, as text, for completion in editors. An authoring aid: the zod schema is the gate, and
 * knows rules that JSON Schema cannot say.
 */
export function siteJsonSchema(): string {
  const schema = z.toJSONSchema(siteSchema, { io: "input", target: "draft-7" });
  return `${JSON.stringify({ ...schema, title: "A sitepass site" }, undefined, 2)}\n`;
}
