import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { failureReason, networkFailure } from "./network-failure";

const withCode = (code: string, message = code) => Object.assign(new Error(message), { code });

describe("networkFailure", () => {
  it("sorts what Node says by what a person would do about it", () => {
    const codes = {
      dns: ["ENOTFOUND"],
      resolver: ["EAI_AGAIN", "EAI_FAIL"],
      tls: [
        "ERR_TLS_CERT_ALTNAME_INVALID",
        "CERT_HAS_EXPIRED",
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        "DEPTH_ZERO_SELF_SIGNED_CERT",
        "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
        "EPROTO",
      ],
      "time-out": ["ETIMEDOUT"],
      refused: ["ECONNREFUSED"],
      closed: ["ECONNRESET", "EPIPE"],
      unreachable: ["EHOSTUNREACH", "ENETUNREACH", "E_NOBODY_KNOWS"],
      "no-http": ["HPE_INVALID_CONSTANT"],
    };
    for (const [failure, those] of Object.entries(codes)) {
      for (const code of those) {
        assert.equal(networkFailure(withCode(code)), failure, code);
      }
    }
  });

  it("looks into the failures of several addresses", () => {
    const both = new AggregateError([withCode("ECONNREFUSED"), withCode("ENETUNREACH")]);
    assert.equal(networkFailure(both), "refused");
    assert.equal(failureReason(both), "ECONNREFUSED");
  });
});

describe("failureReason", () => {
  it("adds OpenSSL's reason to its code", () => {
    const error = withCode(
      "EPROTO",
      "write EPROTO 00A8:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl3_record.c:355:\n",
    );
    assert.equal(failureReason(error), "EPROTO, wrong version number");
    assert.equal(failureReason(new Error("no answer\nat all")), "no answer");
  });
});
