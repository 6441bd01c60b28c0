/** Header lines in the order in which they came, names as they were sent; a name sent twice is there twice. */
export type HeaderLines = readonly (readonly [name: string, value: string])[];

/** The lines of `rawHeaders`. Spaces around a value are no part of it (RFC 9112, section 5.1). */
export function headerLines(raw: readonly string[]): HeaderLines {
  const lines: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    lines.push([raw[index] ?? "", (raw[index + 1] ?? "").trim()]);
  }
  return lines;
}

/** Every value sent under a name; names are compared without case. */
export function valuesOf(lines: HeaderLines, name: string): string[] {
  const wanted = name.toLowerCase();
  return lines.filter(([other]) => other.toLowerCase() === wanted).map(([, value]) => value);
}

/** The lines less those with one of the names. */
export function linesWithout(lines: HeaderLines, names: readonly string[]): HeaderLines {
  const unwanted = new Set(names.map((name) => name.toLowerCase()));
  return lines.filter(([name]) => !unwanted.has(name.toLowerCase()));
}

/** The lines as node:http takes them: name, value, name, value. */
export function flatHeaders(lines: HeaderLines): string[] {
  return lines.flatMap(([name, value]) => [name, value]);
}
