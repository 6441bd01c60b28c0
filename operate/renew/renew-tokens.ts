import { problemText } from "../../fleet/problem";
import type { Config } from "../../fleet/config";
import type { Site } from "../../fleet/sites";
import { listTokens, type AccountToken } from "../../cloudflare/service-tokens";
import { answered, type CloudflareApi } from "../../cloudflare/client";

/** A site and its token as it was listed. */
export interface RenewableToken {
  readonly site: Site;
  readonly token: AccountToken;
}

/** What came of one renewal. */
export interface Renewal {
  readonly site: Site;
  /** RFC 3339; null for none, undefined when Cloudflare does not say. */
  readonly before: string | null | undefined;
  /** As read after the renewal, whatever its answer said. */
  readonly after: string | null | undefined;
  /** In the project's error form; undefined when the token lasts longer than it did. */
  readonly problem: string | undefined;
}

export interface RenewTokensOptions {
  readonly config: Pick<Config, "accountId">;
  /** Calls at a time. */
  readonly concurrency: number;
  readonly now: Date;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

const permission = "Access: Service Tokens, Edit";

/**
 * Has Cloudflare push out when tokens expire, by a year each; their secrets stay. Then lists the tokens again, and
 * believes what is there: an answer alone is not taken for success.
 *
 * Goes on after a token that fails, but not when Cloudflare takes no more calls or is not reached.
 *
 * @throws UserError when the API token may not, before anything was renewed.
 */
export async function renewTokens(
  api: CloudflareApi,
  tokens: readonly RenewableToken[],
  { config: { accountId }, concurrency, now, signal, onProgress }: RenewTokensOptions,
): Promise<readonly Renewal[]> {
  const { default: pMap } = await import("p-map");
  let done = 0;
  let stopped = false;
  const failures = new Map<string, string>();
  await pMap(
    tokens,
    async ({ site, token }) => {
      if (stopped || signal?.aborted === true) {
        failures.set(token.id, `${site.file}: was not tried. Run it again.`);
        return;
      }
      const doing = `renew the service token ${token.name}`;
      const result = await api.call(doing, () =>
        api.client.zeroTrust.access.serviceTokens.refresh(token.id, { account_id: accountId }),
      );
      if (result.kind === "failed") {
        failures.set(token.id, `${site.file}: was not renewed. ${problemText(result.problem)}`);
        stopped ||= result.status === undefined || result.status === 429;
      } else {
        answered(result, doing, permission);
      }
      onProgress?.((done += 1), tokens.length);
    },
    { concurrency },
  );
  const listed = await listTokens(api, accountId);
  return tokens.map(({ site, token }) => {
    const after =
      listed.kind === "answered" ? listed.value.find(({ id }) => id === token.id)?.expiresAt : undefined;
    const before = token.expiresAt;
    return {
      site,
      before,
      after,
      problem: failures.get(token.id) ?? notLonger(site, { before, after, now }),
    };
  });
}

interface Expiries {
  readonly before: string | null | undefined;
  readonly after: string | null | undefined;
  readonly now: Date;
}

/** Why a token does not last longer than it did, as far as can be seen; undefined when it does. */
function notLonger({ file, name }: Site, { before, after, now }: Expiries): string | undefined {
  if (after === undefined) {
    return `${file}: Cloudflare took the renewal, and its token could not be read again afterwards. Look at it with \`sitepass status ${name}\`.`;
  }
  if (after === null) {
    return undefined;
  }
  const lasts = Date.parse(after);
  if (lasts <= now.getTime()) {
    return `${file}: Cloudflare took the renewal, and the token is still expired since ${after}. Change token.duration in the file, which counts it anew with the same secret, and run \`pulumi up\`.`;
  }
  return typeof before === "string" && lasts <= Date.parse(before)
    ? `${file}: Cloudflare took the renewal, and the token still expires at ${after}. Try again; if it stays, change token.duration in the file and run \`pulumi up\`.`
    : undefined;
}
