import { problemText } from "../../fleet/problem";
import { randomBytes, randomUUID } from "node:crypto";
import type { CallResult, CloudflareApi } from "../../cloudflare/client";
/** Whether the API token may write, as far as can be told without changing anything. */
export type WriteAnswer =
  | { readonly kind: "may" }
  /** `reason` is Cloudflare's word for it. */
  | { readonly kind: "may not"; readonly reason: string }
  | { readonly kind: "cannot be told"; readonly reason: string }
  | { readonly kind: "not asked" };

/** Where a permission can be asked for: each updates an object that does not exist, with nothing to change in it. */
const probes = {
  serviceTokens: ({ accountId }: ProbePlace) => [
    "put",
    `/accounts/${accountId}/access/service_tokens/${randomUUID()}`,
  ],
  policies: ({ accountId }: ProbePlace) => ["put", `/accounts/${accountId}/access/policies/${randomUUID()}`],
  tunnels: ({ accountId }: ProbePlace) => ["patch", `/accounts/${accountId}/cfd_tunnel/${randomUUID()}`],
  notifications: ({ accountId }: ProbePlace) => [
    "put",
    `/accounts/${accountId}/alerting/v3/policies/${randomId()}`,
  ],
  records: ({ zoneId }: ProbePlace) => ["patch", `/zones/${zoneId}/dns_records/${randomId()}`],
} as const satisfies Record<string, (place: ProbePlace) => readonly ["put" | "patch", string]>;

export type ProbeName = keyof typeof probes;

interface ProbePlace {
  readonly accountId: string;
  readonly zoneId: string;
}

const randomId = (): string => randomBytes(16).toString("hex");

/** Answers to a permitted request that makes no sense. */
const refusedForItsContent: readonly (number | undefined)[] = [400, 404, 409, 422];

/**
 * Asks for a permission to write by a call that can change nothing. Its ID is a random one, not the nil UUID, which careless
 * servers take for "no filter"; its body is empty.
 *
 * Cloudflare checks the permission before it looks at the object: an API token without it gets 403 with code 10000 even
 * where the product would refuse for a reason of its own (seen on an account without Zero Trust, where a read said 9999 and a
 * write 10000). That this holds for each product is inferred, not verified.
 */
export async function probeWrite(
  api: CloudflareApi,
  probe: ProbeName,
  place: ProbePlace,
): Promise<WriteAnswer> {
  const [method, path] = probes[probe](place);
  const answer = await api.call("update an object that does not exist", async () => {
    await api.client[method](path, { body: {} });
  });
  return judgeProbe(answer);
}

export function judgeProbe(answer: CallResult<unknown>): WriteAnswer {
  switch (answer.kind) {
    case "forbidden":
      return { kind: "may not", reason: answer.reason };
    case "answered":
      return { kind: "cannot be told", reason: "a change of what does not exist was accepted" };
    case "failed":
      return refusedForItsContent.includes(answer.status)
        ? { kind: "may" }
        : { kind: "cannot be told", reason: problemText(answer.problem).replace(/\.$/, "") };
  }
}
