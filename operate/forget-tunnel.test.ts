import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { UserError } from "../fleet/problem";
import { resourceTypes } from "../provision/declared-objects";
import { parseExport } from "../stack/exported-state";
import type { OpenStack } from "../stack/open-stack";
import { forgetTunnel, type ForgottenTunnel } from "./forget-tunnel";
import { openTestFleet, type TestFleet } from "./testing/test-fleet";

const urn = (type: string, name: string) => `urn:pulumi:prod::sitepass::${type}::${name}`;
const tunnelUrn = urn(resourceTypes.tunnel, "tunnel");
const ingressUrn = urn(resourceTypes.ingress, "tunnel-ingress");

const tunnelRow = (id: string, accountId: string, more: object = {}) => ({
  urn: tunnelUrn,
  custom: true,
  id,
  type: resourceTypes.tunnel,
  inputs: { accountId },
  ...more,
});
const ingressRow = (id: string) => ({
  urn: ingressUrn,
  custom: true,
  id,
  type: resourceTypes.ingress,
  dependencies: [tunnelUrn],
  deletedWith: tunnelUrn,
});
const recordRow = {
  urn: urn(resourceTypes.record, "metrics"),
  custom: true,
  id: "r",
  type: resourceTypes.record,
  dependencies: [tunnelUrn, ingressUrn],
};

interface LostFleet extends TestFleet {
  /** What the state was replaced with, one after the other. */
  readonly put: readonly unknown[];
  /** The stack, whose state holds these. */
  readonly holding: (
    resources: readonly object[],
    more?: Partial<OpenStack>,
    deployment?: object,
  ) => OpenStack;
  /** Makes a tunnel in the account. */
  readonly tunnel: (name?: string) => Promise<string>;
  readonly remove: (id: string) => Promise<void>;
}

async function openLostFleet(t: TestContext, configuration = {}): Promise<LostFleet> {
  const fleet = await openTestFleet(t, { sites: { tokyo: {} }, configuration });
  const put: unknown[] = [];
  const account_id = fleet.stack.config.accountId;
  const { cloudflared } = fleet.api.client.zeroTrust.tunnels;
  return {
    ...fleet,
    put,
    holding: (resources, more = {}, deployment = {}) => ({
      ...fleet.stack,
      exportState: () => {
        const state = parseExport(JSON.stringify({ version: 3, deployment: { resources, ...deployment } }));
        assert.ok(state !== undefined);
        return Promise.resolve({
          ...state,
          replaceWith: (document: string) => {
            put.push(JSON.parse(document));
            return Promise.resolve();
          },
        });
      },
      ...more,
    }),
    tunnel: async (name = "central") =>
      (await cloudflared.create({ account_id, name, config_src: "cloudflare" })).id ?? "",
    remove: async (id) => {
      await cloudflared.delete(id, { account_id });
    },
  };
}

const goingOn = new AbortController().signal;

async function forget(stack: OpenStack): Promise<ForgottenTunnel> {
  const result = await forgetTunnel(stack, true, goingOn);
  assert.ok(result !== "stopped");
  return result;
}

/** What is said in place of forgetting; the state stays then. */
async function refused({ put }: LostFleet, stack: OpenStack): Promise<string> {
  let said = "";
  await assert.rejects(forgetTunnel(stack, true, goingOn), (error) => {
    assert.ok(error instanceof UserError);
    said = error.message;
    return true;
  });
  assert.deepEqual(put, []);
  return said;
}

describe("forgetTunnel", () => {
  it("takes a deleted tunnel and its ingress rules out of the state, which it only says where it is not to change it", async (t) => {
    const fleet = await openLostFleet(t);
    const { accountId } = fleet.stack.config;
    const id = await fleet.tunnel();
    await fleet.remove(id);
    const deletedAt = fleet.standIn.database.tunnels.get(id)?.deleted_at ?? "";
    fleet.standIn.clearRequests();
    const stack = fleet.holding([tunnelRow(id, accountId), ingressRow(id), recordRow]);
    const expected = {
      tunnels: [{ id, name: "central", deletedAt }],
      forgotten: [
        { type: resourceTypes.tunnel, name: "tunnel", id },
        { type: resourceTypes.ingress, name: "tunnel-ingress", id },
      ],
    };
    assert.deepEqual(await forgetTunnel(stack, false, goingOn), expected);
    assert.deepEqual(fleet.put, []);
    assert.deepEqual(await forget(stack), expected);
    assert.deepEqual(
      fleet.standIn.requests.map(({ method, path }) => `${method} ${path}`),
      Array(2).fill(`GET /accounts/${accountId}/cfd_tunnel/${id}`),
    );
    assert.deepEqual(fleet.put, [
      { version: 3, deployment: { resources: [{ ...recordRow, dependencies: [] }] } },
    ]);
  });

  it("refuses while operations are pending, which pulumi would forget with it", async (t) => {
    const fleet = await openLostFleet(t);
    const id = await fleet.tunnel();
    await fleet.remove(id);
    const resource = { urn: urn("cloudflare:index/zeroTrustAccessServiceToken:Token", "osaka") };
    const pending = { pending_operations: [{ type: "creating", resource }] };
    assert.equal(
      await refused(fleet, fleet.holding([tunnelRow(id, fleet.stack.config.accountId)], {}, pending)),
      "stack prod: has operations that a broken-off run left (creating osaka), which would be forgotten, too. Run `pulumi refresh`, then this again. If they stay, run `pulumi refresh --clear-pending-creates`, and `npx sitepass check` afterwards.",
    );
  });

  it("refuses where the state does not say whose the tunnel is", async (t) => {
    const fleet = await openLostFleet(t);
    assert.equal(
      await refused(fleet, fleet.holding([{ ...tunnelRow("1", ""), inputs: {} }])),
      "stack prod: does not say in which account its tunnel (ID 1) is. Look into `pulumi stack export`: the tunnel's inputs have no accountId.",
    );
  });

  it("forgets a tunnel that the account never had, and says so", async (t) => {
    const fleet = await openLostFleet(t);
    const id = "00000000-0000-4000-8000-000000000000";
    const { tunnels } = await forget(fleet.holding([tunnelRow(id, fleet.stack.config.accountId)]));
    assert.deepEqual(tunnels, [{ id, name: undefined, deletedAt: undefined }]);
  });

  it("forgets of two, as after a replacement that was broken off, only the one that is gone", async (t) => {
    const fleet = await openLostFleet(t);
    const { accountId } = fleet.stack.config;
    const old = await fleet.tunnel();
    await fleet.remove(old);
    const id = await fleet.tunnel();
    const staying = [tunnelRow(id, accountId), ingressRow(id), recordRow];
    const going = [tunnelRow(old, accountId, { delete: true }), { ...ingressRow(old), delete: true }];
    const { tunnels } = await forget(fleet.holding([...staying, ...going]));
    assert.deepEqual(
      tunnels.map((one) => one.id),
      [old],
    );
    assert.deepEqual(fleet.put, [{ version: 3, deployment: { resources: staying } }]);
  });

  it("refuses for a tunnel that is there, and for a stack that has none", async (t) => {
    const fleet = await openLostFleet(t);
    const id = await fleet.tunnel("tokyo-central");
    assert.equal(
      await refused(fleet, fleet.holding([tunnelRow(id, fleet.stack.config.accountId)])),
      `tunnel tokyo-central: is there (ID ${id}) and would be left running without this stack. Keep it. Where pushes are answered with 530, no connector of it is up: start cloudflared, and look at its log.`,
    );
    assert.equal(
      await refused(fleet, fleet.holding([recordRow])),
      "stack prod: holds no tunnel, so there is none to forget. Run `pulumi up`, or name another stack with --stack.",
    );
  });

  it("refuses where Cloudflare does not say that it was deleted", async (t) => {
    const fleet = await openLostFleet(t);
    const { accountId } = fleet.stack.config;
    const id = await fleet.tunnel();
    await fleet.remove(id);
    const rows = [tunnelRow(id, accountId)];
    const cloudflareApi = () => Promise.resolve(fleet.apiWith(["Access: Service Tokens Write"]));
    assert.equal(
      await refused(fleet, fleet.holding(rows, { cloudflareApi })),
      `CLOUDFLARE_API_TOKEN: may not read tunnel ${id} of account ${accountId} (HTTP 403, 10000 Authentication error). Give it the permission "Cloudflare Tunnel, Read".`,
    );
    // Another account than the state's says nothing of the tunnel, nor does a proxy in between.
    fleet.standIn.inject({
      match: { path: /cfd_tunnel/ },
      status: 404,
      code: 7003,
      message: "Could not route",
    });
    assert.equal(
      await refused(fleet, fleet.holding(rows)),
      `Cloudflare: refused to read tunnel ${id} (HTTP 404, 7003 Could not route). Check sitepass:accountId.`,
    );
  });

  it("asks the account that the tunnel was made in, whatever the configuration says by now", async (t) => {
    const fleet = await openLostFleet(t);
    const { config } = fleet.stack;
    const id = await fleet.tunnel();
    const moved = { config: { ...config, accountId: "f".repeat(32) } };
    assert.match(
      await refused(fleet, fleet.holding([tunnelRow(id, config.accountId)], moved)),
      /^tunnel central: is there /,
    );
  });

  it("changes nothing when it was stopped meanwhile", async (t) => {
    const fleet = await openLostFleet(t);
    const id = await fleet.tunnel();
    await fleet.remove(id);
    const stack = fleet.holding([tunnelRow(id, fleet.stack.config.accountId)]);
    assert.equal(await forgetTunnel(stack, true, AbortSignal.abort()), "stopped");
    assert.deepEqual(fleet.put, []);
  });
});
