import { InvalidArgumentError } from "commander";

/** Reads a TCP port from the command line. */
export function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 65535) {
    throw new InvalidArgumentError("Give a port from 1 to 65535.");
  }
  return value;
}

/** Reads a whole number of at least `least`, and at most `most`, from the command line. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(
        most === Number.MAX_SAFE_INTEGER
          ? `Give a whole number from ${least} on.`
          : `Give a whole number from ${least} to ${most}.`,
      );
    }
    return value;
  };
}

/** Collects an option that may be given several times. */
export function repeated(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
