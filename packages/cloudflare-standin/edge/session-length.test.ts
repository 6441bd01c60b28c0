import assert from "node:assert/strict";
import { it } from "node:test";
import { sessionMilliseconds } from "./session-length";
import { testApplication, testPolicy } from "./test-rows";

it("a session lasts as the policy says, else the application, else a day", () => {
  const length = (policy: string, application: string): number =>
    sessionMilliseconds(
      testPolicy({ session_duration: policy }),
      testApplication({ session_duration: application }),
    );
  assert.deepEqual(
    [length("30m", "6h"), length("", "6h"), length("0s", "6h"), length("", "")],
    [1_800_000, 21_600_000, 21_600_000, 86_400_000],
  );
});
