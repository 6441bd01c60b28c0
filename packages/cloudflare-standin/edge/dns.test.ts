import assert from "node:assert/strict";
import { it } from "node:test";
import type { DnsRecord } from "../api/rows";
import { tunnelIdOf } from "./dns";

it("a record leads to a tunnel by a CNAME to its name, and by nothing else", () => {
  const record = (type: DnsRecord["type"], content: string): DnsRecord => ({
    id: "r",
    zoneId: "z",
    name: "prom.example.com",
    type,
    content,
    proxied: true,
    ttl: 1,
    settings: {},
    comment: null,
    comment_modified_on: null,
    created_on: "",
    modified_on: "",
  });
  assert.equal(tunnelIdOf(record("CNAME", "Ab-1.cfargotunnel.com")), "ab-1");
  assert.equal(tunnelIdOf(record("CNAME", "ab-1.cfargotunnel.com.")), "ab-1");
  assert.equal(tunnelIdOf(record("CNAME", "x.ab-1.cfargotunnel.com")), undefined);
  assert.equal(tunnelIdOf(record("CNAME", "origin.example.net")), undefined);
  assert.equal(tunnelIdOf(record("A", "ab-1.cfargotunnel.com")), undefined);
});
