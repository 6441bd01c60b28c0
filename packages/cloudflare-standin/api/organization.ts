import { invalidRequest } from "./errors";
import { organizationFields, type Organization } from "./organization-row";
import { noBody, noQuery, route, type Call, type Route } from "./route";
import type { z } from "zod";

const path = "/accounts/:account/access/organizations";
const read = "Access: Organizations, Identity Providers, and Groups Read";
const write = "Access: Organizations, Identity Providers, and Groups Write";

/**
 * The account's Zero Trust organization. PUT is what the SDK and the provider send, PATCH what the changelog shows for strict
 * mode (D:changelog/access/2026-10-02-strict-service-token-authentication.mdx). Both keep what is left out; that PUT does is a gap.
 */
export const organizationRoutes: readonly Route[] = [
  route({
    method: "GET",
    path,
    permission: read,
    query: noQuery,
    body: noBody,
    handle: ({ database }) => ({ result: database.organization }),
  }),
  route({ method: "PUT", path, permission: write, query: noQuery, body: organizationFields, handle: update }),
  route({
    method: "PATCH",
    path,
    permission: write,
    query: noQuery,
    body: organizationFields,
    handle: update,
  }),
];

function update({ database, body }: Call<unknown, z.output<typeof organizationFields>>): {
  result: Organization;
} {
  if (
    body.auth_domain !== undefined &&
    !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.cloudflareaccess\.com$/.test(body.auth_domain)
  ) {
    throw invalidRequest(`invalid auth_domain '${body.auth_domain}'`);
  }
  database.organization = { ...database.organization, ...body };
  return { result: database.organization };
}
