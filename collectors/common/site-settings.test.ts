import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { problemText } from "../../fleet/problem";
import type { CollectorSite } from "../collector";

import { tokyo, tokyoBehindRelay } from "../testing/sites";
import { pushUrl, pushUrlProblem } from "./site-settings";

const logsAt = (...paths: [string, ...string[]]): CollectorSite => ({
  ...tokyo,
  endpoints: { logs: { base: "https://loki.example.com", paths } },
});

describe("pushUrl", () => {
  it("is the first write path that speaks the protocol", () => {
    assert.equal(pushUrl(tokyo, "remote write"), "https://prom.example.com/api/v1/write");
    assert.equal(pushUrl(tokyo, "loki push"), "https://loki.example.com/loki/api/v1/push");
    assert.equal(pushUrl(tokyo, "otlp logs"), "https://loki.example.com/otlp/v1/logs");
    assert.equal(pushUrl(tokyoBehindRelay, "otlp logs"), "http://127.0.0.1:9480/logs/otlp/v1/logs");
    assert.equal(
      pushUrl(logsAt("/otlp/v1/logs", "/push", "/loki/api/v1/push"), "loki push"),
      "https://loki.example.com/push",
    );
  });

  it("is none for a signal that the site does not push, which is no mistake", () => {
    assert.equal(pushUrl(logsAt("/loki/api/v1/push"), "remote write"), undefined);
    assert.equal(pushUrlProblem(logsAt("/loki/api/v1/push"), "remote write"), undefined);
  });

  it("is refused when the signal's paths speak something else", () => {
    const problem = pushUrlProblem(logsAt("/loki/api/v1/push", "/push"), "otlp logs");
    assert.equal(
      problem && problemText(problem),
      "sitepass:endpoints.logs.paths: none of /loki/api/v1/push and /push speaks OTLP over HTTP. Add a path such as /otlp/v1/logs, or name another collector.",
    );
  });
});
