import { APIConnectionError, APIError } from "cloudflare";
import { deepestMessage } from "../../cloudflare/client";
import { kindOf } from "./resource-kinds";
import { shortName, type ResourceState } from "./state";

/** What went wrong with a resource, for people: the resource, Cloudflare's code and words, and what to do. */
export function describeFailure(resource: Pick<ResourceState, "type" | "name">, error: unknown): string {
  const subject = shortName(resource);
  if (error instanceof APIConnectionError) {
    return `${subject}: Cloudflare's API did not answer (${deepestMessage(error)}). Check CLOUDFLARE_BASE_URL, and run the same command again: what was done is kept.`;
  }
  if (error instanceof APIError) {
    const said = error.errors
      .map(({ code, message }) => `${String(code)} ${String(message).replace(/\.$/, "")}`)
      .join("; ");
    return `${subject}: Cloudflare answered HTTP ${String(error.status)}${said === "" ? "" : `, ${said}`}. ${advice(resource.type, Number(error.status))}`;
  }
  return `${subject}: ${error instanceof Error ? error.message : String(error)}`;
}

function advice(type: string, status: number): string {
  switch (status) {
    case 401:
      return "Check that CLOUDFLARE_API_TOKEN is whole, not expired and not revoked.";
    case 403:
      return `Give the API token the permission "${kindOf(type).permission}".`;
    case 404:
      return "It was deleted outside of this stack: run `refresh`, then `up`.";
    case 429:
      return "Wait five minutes and run the same command again: what was done is kept.";
    default:
      return "Mend that and run the same command again: what was done is kept.";
  }
}
