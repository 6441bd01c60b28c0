import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  closedWindowProblem,
  lostSecretProblem,
  loweredVersionProblem,
  shortWindowWarning,
} from "./site-passes";

describe("loweredVersionProblem", () => {
  it("finds nothing wrong with a version that stays or rises", () => {
    assert.equal(loweredVersionProblem("tokyo", 1, 1), undefined);
    assert.equal(loweredVersionProblem("tokyo", 2, 2), undefined);
    assert.equal(loweredVersionProblem("tokyo", 1, 2), undefined);
    assert.equal(loweredVersionProblem("tokyo", 2, 5), undefined);
  });

  it("refuses a lowered version and names both ways out", () => {
    assert.deepEqual(loweredVersionProblem("tokyo", 3, 1), {
      subject: "sites/tokyo",
      says: "token.secretVersion is 1, and 3 is in use",
      todo: "Set it back to 3 with its previousSecretExpiresAt, or raise it to 4 to rotate",
    });
  });
});

const now = new Date("2026-11-23T12:00:00Z");
const ending = (oldSecretEnds: string, version = 3) => ({ version, oldSecretEnds, now });

describe("closedWindowProblem", () => {
  it("refuses a rotation whose window has closed for more than an hour", () => {
    assert.deepEqual(closedWindowProblem("tokyo", 2, ending("2026-11-22T11:59:00Z")), {
      subject: "sites/tokyo",
      says: "token.secretVersion rises from 2 to 3, and the window of that rotation closed 24 hours ago (2026-11-22T11:59:00Z): the secret in use would stop with this up, and what the site pushes with it would be refused",
      todo: "Set token.previousSecretExpiresAt to a time to come, or run `npx sitepass rotate tokyo` again; if that secret is to stop at once, run `npx sitepass rotate tokyo --now` and `pulumi up` within the hour",
    });
    assert.notEqual(closedWindowProblem("tokyo", 2, ending("2026-11-23T10:59:59Z")), undefined);
  });

  it("lets through what `rotate --now` wrote within the hour, an open window, and a version that stays", () => {
    for (const end of ["2026-11-23T11:00:00Z", "2026-11-23T12:00:00Z", "2026-11-30T12:00:00Z"]) {
      assert.equal(closedWindowProblem("tokyo", 2, ending(end)), undefined);
    }
    assert.equal(closedWindowProblem("tokyo", 3, ending("2026-01-01T00:00:00Z")), undefined);
    assert.equal(closedWindowProblem("tokyo", 1, ending("", 1)), undefined);
  });
});

describe("shortWindowWarning", () => {
  it("says that the secret in use stops with this up, or soon after", () => {
    const todo = "Put the new one in place at once: what is pushed with the old one is refused from then on";
    assert.deepEqual(shortWindowWarning("tokyo", 2, ending("2026-11-23T11:30:00Z")), {
      subject: "sites/tokyo",
      says: "the secret in use stops with this up",
      todo,
    });
    assert.deepEqual(shortWindowWarning("tokyo", 2, ending("2026-11-23T12:10:00Z")), {
      subject: "sites/tokyo",
      says: "the secret in use stops 10 minutes after this up",
      todo,
    });
  });

  it("says nothing of a longer window, or of a version that stays", () => {
    assert.equal(shortWindowWarning("tokyo", 2, ending("2026-11-23T13:01:00Z")), undefined);
    assert.equal(shortWindowWarning("tokyo", 3, ending("2026-11-23T12:00:00Z")), undefined);
  });
});

describe("lostSecretProblem", () => {
  it("says that a rotation brought no new secret, and what gives one", () => {
    assert.deepEqual(lostSecretProblem("tokyo", 1, ending("2026-11-30T12:00:00Z", 2), true), {
      subject: "sites/tokyo",
      says: "version 2 of its secret was made, and the answer with it was lost: nobody has it, and the secret before works until 2026-11-30T12:00:00Z",
      todo: "Be ready to put another one in place at the site, then run `npx sitepass rotate tokyo --force` and `pulumi up`, which ends the one before",
    });
  });

  it("says nothing where the secret changed, or was not to", () => {
    assert.equal(lostSecretProblem("tokyo", 1, ending("2026-11-30T12:00:00Z", 2), false), undefined);
    assert.equal(lostSecretProblem("tokyo", 2, ending("2026-11-30T12:00:00Z", 2), true), undefined);
  });
});
