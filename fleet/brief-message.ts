import { z } from "zod";

/** Enough for a status, a code and a sentence; providers append whole requests and answers. */
const longest = 300;

/** An error's message on one line, cut where it gets long. */
export function briefMessage(error: unknown): string {
  const message =
    error instanceof z.ZodError
      ? z.prettifyError(error)
      : error instanceof Error
        ? error.message
        : String(error);
  const line = message.replace(/\s+/g, " ").trim();
  return line.length > longest ? `${line.slice(0, longest - 3)}...` : line;
}
