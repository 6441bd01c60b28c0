/** The first line of an error's message: providers append whole stacks and request dumps to theirs. */
export function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split("\n", 1)[0] ?? "").trim();
}
