import { z } from "zod";
import type { ApiError, ErrorEntry } from "./errors";

/** The paging part of a list's answer. */
export interface ResultInfo {
  readonly page: number;
  readonly per_page: number;
  readonly count: number;
  readonly total_count: number;
  readonly total_pages: number;
}

/** What a handler answers when all went well. */
export interface Reply {
  readonly result: unknown;
  /** Default 200. */
  readonly status?: 200 | 201 | 202;
  readonly resultInfo?: ResultInfo;
  readonly messages?: readonly ErrorEntry[];
}

/** The envelope of every answer (facts/cloudflare.md §12): success. */
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
 * The envelope of every answer: failure. It forbids retries, because the provider repeats a 409, 429 or 5xx ten times,
 * which looks like a hang of minutes (facts/pulumi.md §2, cloudflare-go internal/requestconfig/requestconfig.go).
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
  show: (row: Row) => unknown,
): Reply {
  const shown = rows.slice((page - 1) * per_page, page * per_page).map(show);
  return {
    result: shown,
    resultInfo: {
      page,
      per_page,
      count: shown.length,
      total_count: rows.length,
      total_pages: Math.ceil(rows.length / per_page),
    },
  };
}
