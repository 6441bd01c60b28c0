import { z } from "zod";

/** One entry of the envelope's `errors` and `messages`. */
interface Message {
  readonly code: number;
  readonly message: string;
}

/** A refusal that the caller gets as Cloudflare's failure envelope. Anything else that is thrown is a bug of the stand-in. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly entries: readonly Message[],
    /** Added to the answer; undefined takes a header away that every failure has. */
    readonly headers: Readonly<Record<string, string | undefined>> = {},
  ) {
    super(entries.map(({ code, message }) => `${code} ${message}`).join("; "));
  }
}

/** A refusal with one entry. */
export function apiError(status: number, code: number, message: string): ApiError {
  return new ApiError(status, [{ code, message }]);
}

/** `throw` as an expression, as in `rows.get(id) ?? refuse(notFound())`. */
export function refuse(error: ApiError): never {
  throw error;
}

/** A body or query that the strict schemas refuse. Cloudflare's code differs by product and is a gap; 400 stands for all. */
export function badRequest(messages: readonly string[]): ApiError {
  return new ApiError(
    400,
    messages.map((message) => ({ code: 400, message })),
  );
}

/** Access refuses a rule, precedence, decision or duration (TF#2336, TF#2702). */
export function invalidRequest(detail: string): ApiError {
  return apiError(400, 12130, `access.api.error.invalid_request: ${detail}`);
}

/** An Access object does not exist. The provider relies on the status (TF:zero_trust_access_service_token/resource.go Read); code and text are a gap. */
export function accessNotFound(noun: string): ApiError {
  return apiError(404, 11021, `access.api.error.not_found: ${noun} not found`);
}

/** A quota of Access is full. The wording follows the one public refusal of that kind, that of mTLS certificates; the code is a gap. */
export function accessQuota(noun: string): ApiError {
  return invalidRequest(`maximum number of ${noun} has been reached`);
}

/**
 * One of the SDK's types as the API answers it: the SDK calls a field optional where the API says `null`. What an answer
 * of the stand-in is declared with, so that a field that Cloudflare does not have is a type error.
 */
export type Answered<T> = { readonly [Key in keyof T]: T[Key] | null };

/** What a handler answers when all went well. */
export interface Reply {
  readonly result: unknown;
  /** Default 200. */
  readonly status?: 200 | 201 | 202;
  /** The paging part of a list's answer. */
  readonly resultInfo?: Readonly<
    Record<"page" | "per_page" | "count" | "total_count" | "total_pages", number>
  >;
  readonly messages?: readonly Message[];
}

/** The envelope of every answer (the OpenAPI document, cloudflare/api-schemas): success. */
export function success({ result, status = 200, resultInfo, messages = [] }: Reply): Response {
  return Response.json(
    {
      success: true,
      errors: [],
      messages,
      result,
      ...(resultInfo === undefined ? {} : { result_info: resultInfo }),
    },
    { status },
  );
}

/**
 * The envelope of every answer: failure. It forbids retries, because the Terraform provider repeats a 409, 429 or 5xx ten
 * times, which looks like a hang of minutes (cloudflare-go internal/requestconfig/requestconfig.go).
 */
export function failure(error: ApiError): Response {
  const headers = new Headers({ "x-should-retry": "false" });
  for (const [name, value] of Object.entries(error.headers)) {
    if (value === undefined) {
      headers.delete(name);
    } else {
      headers.set(name, value);
    }
  }
  return Response.json(
    { success: false, errors: error.entries, messages: [], result: null },
    { status: error.status, headers },
  );
}

/**
 * The query fields `page` and `per_page`. The default of 25 is smaller than some products', so that a caller who does
 * not page is found out; the largest page of Access lists is 1,000 (the others' are a gap, and share it).
 */
export const pagination = {
  page: z.coerce.number().int().min(1).default(1),
  per_page: z.coerce.number().int().min(1).max(1000).default(25),
};

/** One page of `rows`, each shown by `show`. A page beyond the last is empty, which is how the SDK finds the end (cloudflare 7.3.0 core/pagination.js V4PagePaginationArray). */
export function pageOf<Row>(
  rows: readonly Row[],
  { page, per_page }: { readonly page: number; readonly per_page: number },
  show: (row: Row) => object,
): Reply {
  const result = rows.slice((page - 1) * per_page, page * per_page).map(show);
  const total_count = rows.length;
  const total_pages = Math.ceil(total_count / per_page);
  return { result, resultInfo: { page, per_page, count: result.length, total_count, total_pages } };
}
