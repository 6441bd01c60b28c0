/** One entry of the envelope's `errors` list. */
export interface ErrorEntry {
  readonly code: number;
  readonly message: string;
}

/** A refusal the caller gets as Cloudflare's failure envelope. Anything else that is thrown is a bug of the stand-in. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly entries: readonly ErrorEntry[],
    /** Added to the answer; undefined takes a header away that every failure has. */
    readonly headers: Readonly<Record<string, string | undefined>> = {},
  ) {
    super(entries.map(({ code, message }) => `${code} ${message}`).join("; "));
  }
}

function apiError(status: number, code: number, message: string): ApiError {
  return new ApiError(status, [{ code, message }]);
}

/** No token, or one that does not exist (public test fixtures quote this answer; the facts' list of codes in cloudflare.md §12 has 9109). */
export const invalidAccessToken = (): ApiError => apiError(403, 9109, "Invalid access token");

/**
 * The token lacks the permission the route asks for, or the account is not its own. Facts/cloudflare.md §12 gives 10000
 * and 9109 for it; 10000 is what public logs show for routes below `/accounts/{id}`. Which route gives which is a gap.
 */
export const authenticationError = (): ApiError => apiError(403, 10000, "Authentication error");

/** A zone that is none of the account's (facts/cloudflare.md §12). That an unknown zone answers like a forbidden one is a gap. */
export const zoneOutOfScope = (): ApiError =>
  apiError(403, 9109, "Unauthorized to access requested resource");

/** The answer of `.../tokens/verify` to an unknown token (sendmebits/ghostmail-ios#2). */
export const invalidApiToken = (): ApiError => apiError(401, 1000, "Invalid API Token");

/** A malformed account or zone ID. The code is general knowledge (fundamentals troubleshooting), unverified. */
export const couldNotRoute = (path: string): ApiError =>
  apiError(404, 7003, `Could not route to ${path}, perhaps your object identifier is invalid?`);

/** A route that is not imitated. 501 on purpose: never a plausible answer to a call nobody has checked (style.md item 4). */
export const notImitated = (method: string, path: string): ApiError =>
  apiError(501, 501, `The stand-in does not imitate ${method} ${path}`);

/** A body or query the strict schemas refuse. Cloudflare's own code for this differs per product and is a gap, so 400 stands for all. */
export const badRequest = (messages: readonly string[]): ApiError =>
  new ApiError(
    400,
    messages.map((message) => ({ code: 400, message })),
  );

/** Access's refusal of a bad rule, precedence, decision or duration (facts/cloudflare.md §12, TF#2336, TF#2702). */
export const invalidRequest = (detail: string): ApiError =>
  apiError(400, 12130, `access.api.error.invalid_request: ${detail}`);

/** An Access object that does not exist. The status is certain (the provider relies on it, facts/pulumi.md §3); code and text are a gap. */
export const accessNotFound = (noun: string): ApiError =>
  apiError(404, 11021, `access.api.error.not_found: ${noun} not found`);

/** Deleting a token that a policy includes (jikig-ai/soleur#7065, live probe). That the status is 400 is a gap. */
export const serviceTokenInUse = (): ApiError =>
  apiError(
    400,
    12139,
    "access.api.error.service_token_in_use: cannot delete service token because it is used by a policy, group, or app SCIM configuration",
  );

/** Deleting a policy that an application has. The refusal is documented (policy-management.mdx); status, code and text are a gap. */
export const policyInUse = (count: number): ApiError =>
  apiError(
    400,
    12130,
    `access.api.error.invalid_request: cannot delete policy because it is used by ${count} application(s)`,
  );

/** Two applications on one domain (ChrispyBacon-dev/DockFlare#217). */
export const applicationExists = (): ApiError =>
  apiError(409, 11010, "access.api.error.application_already_exists");

/** A full quota of Access. The numbers are documented (facts/cloudflare.md §6); the wording follows the one known quota refusal (mTLS certificates, §4); the code is a gap. */
export const accessQuota = (noun: string): ApiError =>
  apiError(400, 12130, `access.api.error.invalid_request: maximum number of ${noun} has been reached`);

/** A tunnel name in use (pulumi/pulumi-cloudflare#1440). */
export const tunnelNameTaken = (): ApiError =>
  apiError(409, 1013, "You already have a tunnel with this name");

/** Deleting a tunnel with connectors up (TF#5255). */
export const tunnelHasConnections = (): ApiError =>
  apiError(400, 1022, "Cannot delete tunnel because it has active connections");

/** A tunnel that does not exist, or is deleted where only a live one will do. Code and text are a gap. */
export const tunnelNotFound = (): ApiError => apiError(404, 1003, "Tunnel not found");

/** The quota of tunnels (facts/cloudflare.md §6). Code and text are a gap. */
export const tunnelQuota = (): ApiError => apiError(400, 1002, "Maximum number of tunnels has been reached");

/** A configuration that cloudflared would refuse. That the API checks as strictly is a gap (facts/cloudflare.md §7); the code is one too. */
export const badTunnelConfiguration = (message: string): ApiError => apiError(400, 1056, message);

/** An A or AAAA record is in the way of a CNAME (facts/cloudflare.md §10). */
export const dnsHostTaken = (): ApiError =>
  apiError(400, 81053, "An A, AAAA, or CNAME record with that host already exists.");

/** A CNAME is in the way (favonia/cloudflare-ddns#990). */
export const dnsCnameTaken = (): ApiError =>
  apiError(400, 81054, "A CNAME record with that host already exists.");

/** The identical record exists (jeessy2/ddns-go#1378; 81057 "Record already exists." in aaPanel#112 is the older one). */
export const dnsRecordExists = (): ApiError => apiError(400, 81058, "An identical record already exists.");

/** zanjie1999/cloudflare-api-v4-ddns#5. */
export const dnsRecordNotFound = (): ApiError => apiError(404, 81044, "Record does not exist.");

/** A value of a DNS record that cannot be. Cloudflare has a code per field; 9005 is one of them and stands for all [gap]. */
export const badDnsRecord = (message: string): ApiError => apiError(400, 9005, message);

/** The quota of DNS records (facts/cloudflare.md §6). 81045 is general knowledge, unverified. */
export const dnsQuota = (): ApiError => apiError(400, 81045, "The record quota has been exceeded.");

/** A notification policy that does not exist. Code and text are a gap. */
export const notificationPolicyNotFound = (): ApiError => apiError(404, 17000, "policy not found");

/** More requests than the account may send (D:fundamentals/api/reference/limits.mdx; code 971 in TF#5505). */
export const rateLimited = (limit: number, retryAfterSeconds: number): ApiError =>
  new ApiError(429, [{ code: 971, message: "Please wait and consider throttling your request speed" }], {
    "retry-after": String(retryAfterSeconds),
    "x-ratelimit-limit": String(limit),
    "x-ratelimit-remaining": "0",
    "x-ratelimit-reset": String(retryAfterSeconds),
  });
