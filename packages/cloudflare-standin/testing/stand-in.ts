import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import Cloudflare, { APIError } from "cloudflare";
import { startStandIn, type StandIn, type StandInOptions } from "../api/stand-in";

/** For tests: the account of a stand-in that was not told another. */
export const account_id = "0123456789abcdef0123456789abcdef";

/** For tests: a running stand-in, closed when the test ends, and the official SDK pointed at it without retries. */
export async function standInFor(
  t: TestContext,
  options: StandInOptions = {},
): Promise<{ api: StandIn; client: Cloudflare }> {
  const api = await startStandIn(options);
  t.after(() => api.close());
  return { api, client: clientOf(api) };
}

/** For tests: the official SDK, with all permissions unless another API token is given. */
export function clientOf(api: StandIn, apiToken = api.apiToken): Cloudflare {
  return new Cloudflare({ apiToken, baseURL: api.baseUrl, maxRetries: 0 });
}

/** For tests: asserts that the call is refused with exactly this status, code and message, and that retries are forbidden. */
export async function refuses(
  call: PromiseLike<unknown>,
  status: number,
  code: number,
  message: string,
): Promise<void> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof APIError, `not refused: ${String(error)}`);
  const headers: unknown = error.headers;
  assert.ok(headers instanceof Headers);
  const answered: unknown = error.status;
  const seen = { status: answered, errors: error.errors, retry: headers.get("x-should-retry") };
  assert.deepEqual(seen, { status, errors: [{ code, message }], retry: "false" });
}

/** For tests: a request the SDK's types do not allow. Returns status and envelope. */
export async function send(
  api: StandIn,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; envelope: unknown; headers: Headers }> {
  const response = await fetch(api.baseUrl + path, {
    method,
    headers: { authorization: `Bearer ${api.apiToken}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, envelope: await response.json(), headers: response.headers };
}

/** For tests: the failure envelope with one error. */
export function failureOf(code: number, message: string): object {
  return { success: false, errors: [{ code, message }], messages: [], result: null };
}

/** For tests: the value, which must be there. */
export function present<T>(value: T | null | undefined): T {
  assert.ok(value !== null && value !== undefined);
  return value;
}
