/** What it came to in the end: fetch wraps the cause, and one refusal for each address of a name comes as several errors. */
export function deepestMessage(error: Error): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) {
    return deepestMessage(error.errors[0]);
  }
  return error.cause instanceof Error ? deepestMessage(error.cause) : error.message;
}
