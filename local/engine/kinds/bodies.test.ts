import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Cloudflare } from "cloudflare";
import type { Properties } from "../properties";
import { accessApplication } from "./access-application";
import { dnsRecord } from "./dns-record";
import { serviceToken } from "./service-token";

/** A client whose calls are kept, each as `POST <object>` with its body, and all answered alike. */
function keepingClient() {
  const sent: (readonly [call: string, body: unknown])[] = [];
  const client = new Cloudflare({
    apiToken: "a".repeat(40),
    baseURL: "http://127.0.0.1:9/client/v4",
    fetch: (url, init) => {
      const object = new URL(url instanceof Request ? url.url : url).pathname.split("/").slice(5).join("/");
      sent.push([
        `${init?.method ?? "GET"} ${object}`,
        typeof init?.body === "string" && JSON.parse(init.body),
      ]);
      const result = { id: "made", aud: "audience", client_id: "client" };
      return Promise.resolve(Response.json({ success: true, result }));
    },
  });
  return { client, sent };
}

const accountId = "0123456789abcdef0123456789abcdef";

// Bodies that were sent by the provider itself (terraform-provider-cloudflare v5.22.0), for what this project declares.
describe("what is sent", () => {
  it("is a token with the first version of its secret, where none is declared", async () => {
    const { client, sent } = keepingClient();
    const inputs = { accountId, name: "tokyo", duration: "8760h", enabled: true };
    await serviceToken.create(client, inputs);
    await serviceToken.update(client, "made", inputs, inputs);
    const body = { name: "tokyo", duration: "8760h", enabled: true, client_secret_version: 1 };
    assert.deepEqual(sent, [
      ["POST access/service_tokens", body],
      ["PUT access/service_tokens/made", body],
    ]);
  });

  it("is an application with what the state has of its domains, until what it covers changes", async () => {
    const { client, sent } = keepingClient();
    const covering = (uri: string): Properties => ({
      accountId,
      type: "self_hosted",
      name: "push",
      domain: uri,
      destinations: [{ type: "public", uri }],
      policies: [{ id: "policy", precedence: 18 }],
      sessionDuration: "30m",
      serviceAuth401Redirect: true,
      appLauncherVisible: false,
    });
    const [before, after] = [covering("prom.example.com"), covering("prom.example.net")];
    const { outputs } = await accessApplication.create(client, before);
    await accessApplication.update(client, "made", before, outputs);
    await accessApplication.update(client, "made", after, outputs);
    const body = (uri: string) => ({
      type: "self_hosted",
      name: "push",
      domain: uri,
      destinations: [{ type: "public", uri }],
      policies: [{ id: "policy", precedence: 18 }],
      session_duration: "30m",
      service_auth_401_redirect: true,
      app_launcher_visible: false,
      http_only_cookie_attribute: true,
    });
    assert.deepEqual(sent, [
      ["POST access/apps", body("prom.example.com")],
      ["PUT access/apps/made", { ...body("prom.example.com"), self_hosted_domains: ["prom.example.com"] }],
      ["PUT access/apps/made", body("prom.example.net")],
    ]);
  });

  it("is a record with what the state has of its settings, once it is there", async () => {
    const { client, sent } = keepingClient();
    const record = {
      name: "prom.example.com",
      type: "CNAME",
      content: "tunnel.cfargotunnel.com",
      proxied: true,
      ttl: 1,
      comment: "sitepass/prod/metrics",
    };
    const inputs = { zoneId: "zone", ...record };
    await dnsRecord.create(client, inputs);
    await dnsRecord.update(client, "made", inputs, inputs);
    const settings = { flatten_cname: false, ipv4_only: false, ipv6_only: false };
    assert.deepEqual(sent, [
      ["POST dns_records", record],
      ["PUT dns_records/made", { ...record, settings, tags: [] }],
    ]);
  });
});
