/** The proxies that a site can run between its collector and Cloudflare; each has its file in collectors/relay/. */
export const relayNames = ["nginx", "caddy"] as const;

/** Which one it is where a person says only that there is to be one: every distribution has it. */
export const defaultRelay = "nginx";
