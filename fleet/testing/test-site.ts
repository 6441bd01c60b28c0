import type { Site } from "../sites";

/** For tests: a site, never rotated unless a version and a time are given. */
export function testSite(name: string, token: Partial<Site["token"]> = {}): Site {
  return {
    name,
    file: `sites/${name}.yaml`,
    description: undefined,
    signals: ["metrics"],
    labels: {},
    token: {
      duration: "8760h",
      enabled: true,
      secretVersion: 1,
      previousSecretExpiresAt: undefined,
      ...token,
    },
    collector: undefined,
    shard: "",
  };
}
