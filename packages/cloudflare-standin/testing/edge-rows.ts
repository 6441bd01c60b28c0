import type { AccessApplication, AccessPolicy, ServiceToken } from "../api/rows";

const time = "2026-11-23T12:00:00.000Z";

/** For tests: an application, less what the test does not care about. */
export function testApplication(fields: Partial<AccessApplication> = {}): AccessApplication {
  return {
    id: "application",
    aud: "a".repeat(64),
    name: "push",
    type: "self_hosted",
    domain: "prom.example.com",
    destinations: [],
    policies: [],
    session_duration: "24h",
    app_launcher_visible: false,
    http_only_cookie_attribute: true,
    service_auth_401_redirect: false,
    settings: {},
    created_at: time,
    updated_at: time,
    ...fields,
  };
}

/** For tests: a Service Auth policy that lets nobody in. */
export function testPolicy(fields: Partial<AccessPolicy> = {}): AccessPolicy {
  return {
    id: "policy",
    name: "policy",
    decision: "non_identity",
    include: [],
    exclude: [],
    require: [],
    session_duration: "30m",
    approval_required: false,
    isolation_required: false,
    purpose_justification_required: false,
    created_at: time,
    updated_at: time,
    ...fields,
  };
}

/** For tests: a service token that is valid until 2027. */
export function testToken(fields: Partial<ServiceToken> = {}): ServiceToken {
  return {
    id: "token",
    client_id: "tokyo.access",
    name: "tokyo",
    duration: "8760h",
    enabled: true,
    created_at: time,
    updated_at: time,
    expires_at: "2027-01-01T00:00:00Z",
    lastSeenAt: null,
    clientSecretVersion: 1,
    clientSecretHash: "",
    ...fields,
  };
}
