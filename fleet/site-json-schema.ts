import { z } from "zod";
import { siteSchema } from "./site-schema";

/**
 * The JSON Schema of a site file, as text, for completion in editors. An authoring aid: the zod schema is the gate, and
 * knows rules that JSON Schema cannot say.
 */
export function siteJsonSchema(): string {
  const schema = z.toJSONSchema(siteSchema, { io: "input", target: "draft-7" });
  return `${JSON.stringify({ ...schema, title: "A sitepass site" }, undefined, 2)}\n`;
}
