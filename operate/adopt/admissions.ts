import type { Endpoint } from "../../fleet/config";
import type { SignalName } from "../../fleet/signals";
import type { AccountApplication } from "../../cloudflare/access-applications";
import { compareSpecificity, covers, placeOf } from "./place";
import { isAnyToken, isOpaque, ruledPolicy, tokenIdsIn, type RuledPolicy } from "./policy-rules";
import type { AccountView } from "./read-account";

/** Who may push one signal today. */
export interface Admission {
  readonly signal: SignalName;
  readonly hostname: string;
  /** The applications that decide over its write paths; none: nothing is asked of who pushes. */
  readonly deciding: readonly AccountApplication[];
  /** Tokens that a Service Auth policy names. */
  readonly tokenIds: ReadonlySet<string>;
  /** Whether every token of the account is let in. */
  readonly anyToken: boolean;
  /** Service Auth policies that may let in tokens without naming them. */
  readonly opaque: readonly { readonly application: AccountApplication; readonly policy: RuledPolicy }[];
}

/** Looks up who is let in on the write paths of each endpoint; of what covers a path, the most specific decides. */
export function findAdmissions(
  { applications, policies }: Pick<AccountView, "applications" | "policies">,
  endpoints: readonly Endpoint[],
): readonly Admission[] {
  return endpoints.map(({ signal, hostname, paths }) => {
    const deciding = [
      ...new Set(paths.flatMap((path) => decidingApplication(applications, hostname, path) ?? [])),
    ];
    // Under any other decision a token alone lets nobody in (cloudflare-docs, access-controls/policies, selectors).
    const letting = deciding.flatMap((application) =>
      application.policies
        .map((attached) => ({ application, policy: ruledPolicy(attached, policies) }))
        .filter(({ policy }) => policy.decision === "non_identity"),
    );
    return {
      signal,
      hostname,
      deciding,
      tokenIds: new Set(letting.flatMap(({ policy }) => tokenIdsIn(policy))),
      anyToken: letting.some(({ policy }) => policy.include.some(isAnyToken)),
      opaque: letting.filter(({ policy }) => policy.include.some(isOpaque)),
    };
  });
}

function decidingApplication(
  applications: readonly AccountApplication[],
  host: string,
  path: string,
): AccountApplication | undefined {
  return applications
    .flatMap((application) =>
      application.destinations
        .map(placeOf)
        .filter((place) => covers(place, host, path))
        .map((place) => ({ application, place })),
    )
    .sort((one, other) => compareSpecificity(other.place, one.place))[0]?.application;
}
