const milliseconds = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3],
  ["μs", 1e-3],
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
]);
const component = String.raw`(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)`;

/**
 * The milliseconds of a Go duration such as `8760h` or `2h45m`; undefined when the text is not one. Cloudflare's durations
 * follow Go (https://pkg.go.dev/time#ParseDuration), which has no unit above the hour; a sign is not accepted here.
 */
export function goDurationMilliseconds(text: string): number | undefined {
  if (!new RegExp(`^(?:${component})+$`).test(text)) {
    return undefined;
  }
  return [...text.matchAll(new RegExp(component, "g"))].reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * (milliseconds.get(unit) ?? 0),
    0,
  );
}
