import type { Organization as SdkOrganization } from "cloudflare/resources/zero-trust/organizations/organizations";
import { invalidRequest } from "./envelope";
import { noInput, route, type Route } from "./route";
import { organizationFields, type Organization } from "./rows";

const path = "/accounts/:account/access/organizations";
const read = "Access: Organizations, Identity Providers, and Groups Read";
const write = "Access: Organizations, Identity Providers, and Groups Write";

/**
 * The account's Zero Trust organization. PUT is what the SDK and the provider send, PATCH what the changelog shows for strict
 * mode (D:changelog/access/2026-10-02-strict-service-token-authentication.mdx). Both keep what is left out; that PUT does is a gap.
 */
export const organizationRoutes: readonly Route[] = [
  route("GET", path, read, noInput, ({ database }) => ({ result: shown(database.organization) })),
  ...(["PUT", "PATCH"] as const).map((method) =>
    route(method, path, write, { ...noInput, body: organizationFields }, ({ database, body }) => {
      const { auth_domain } = body;
      if (
        auth_domain !== undefined &&
        !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.cloudflareaccess\.com$/.test(auth_domain)
      ) {
        throw invalidRequest(`invalid auth_domain '${auth_domain}'`);
      }
      database.organization = { ...database.organization, ...body };
      return { result: shown(database.organization) };
    }),
  ),
];

function shown(organization: Organization): SdkOrganization {
  return organization;
}
