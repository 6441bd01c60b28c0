import { textIn } from "../properties";
import { pushTokens } from "../push-tokens";
import type { Rule } from "../rule";

const hourUnits: Readonly<Record<string, number>> = {
  h: 1,
  m: 1 / 60,
  s: 1 / 3600,
  ms: 1 / 3.6e6,
  us: 1 / 3.6e9,
  µs: 1 / 3.6e9,
  μs: 1 / 3.6e9,
  ns: 1 / 3.6e12,
};

/** A Go duration in hours, in every form that Go reads; undefined where it is none. */
function hoursIn(text: string): number | undefined {
  const unsigned = text.replace(/^\+/, "");
  const parts = [...unsigned.matchAll(/(\d+\.?\d*|\.\d+)(ms|us|µs|μs|ns|[hms])/g)];
  return parts.length === 0 || parts.map(([part]) => part).join("") !== unsigned
    ? undefined
    : parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (hourUnits[unit] ?? NaN), 0);
}

/** Cloudflare's default for a token that does not say. */
const defaultDuration = "8760h";

/**
 * How long a site's token may last. Two years at most: a pass that leaked unnoticed ends by itself, while `renew` keeps the
 * others. A week at least: Cloudflare's mail about an expiring token comes a week before the end, and what is over
 * before a person reads it is an outage.
 */
export const tokenDuration: Rule = {
  name: "push-token-duration",
  description: "The tokens of push applications last neither too long nor too short.",
  configSchema: {
    properties: {
      maximumHours: { type: "number", default: 17_520 },
      minimumHours: { type: "number", default: 168 },
      allowForever: { type: "boolean", default: false },
    },
  },
  early: false,
  violations: ({ resources, pushes, setting }) => {
    const number = (name: string, otherwise: number): number => {
      const value = setting(name);
      return typeof value === "number" ? value : otherwise;
    };
    const [most, least] = [number("maximumHours", 17_520), number("minimumHours", 168)];
    return pushTokens(pushes, resources).flatMap((token) => {
      const duration = textIn(token.props, "duration") ?? defaultDuration;
      const hours = hoursIn(duration);
      if (duration === "forever") {
        return setting("allowForever") === true
          ? []
          : {
              resource: token,
              says: "its duration is forever: should it leak unnoticed, whoever has it pushes for good",
              todo: `Write at most ${most}h and let \`sitepass renew\` keep it, or set allowForever for this rule`,
            };
      }
      // What is not a duration is refused by Cloudflare.
      return hours === undefined || (hours <= most && hours >= least)
        ? []
        : {
            resource: token,
            says: `its duration is ${duration}: ${
              hours > most
                ? "should it leak unnoticed, whoever has it pushes until then"
                : "it ends before a person has read that it does, and the site's pushes are refused from then on"
            }`,
            todo: `Write between ${least}h and ${most}h, or set ${hours > most ? "maximumHours" : "minimumHours"} for this rule`,
          };
    });
  },
};
