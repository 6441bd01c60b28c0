import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { problemsOf, problemText } from "../fleet/problem";
import { exampleHost, exampleSeveral, exampleStacks } from "./testing/central-hosts";
import { distinctSites, joinHosts } from "./several-stacks";

describe("one central host of several stacks", () => {
  const [eu, us] = exampleStacks();

  it("is that of a stack itself where there is one", () => {
    const host = exampleHost();
    assert.equal(problemsOf(joinHosts([host])).length, 0);
    const joined = joinHosts([host]);
    assert.ok(joined.ok && joined.value === host);
  });

  it("is the same in whichever order they are named", () => {
    assert.deepEqual(joinHosts([eu, us]), joinHosts([us, eu]));
  });

  it("expects each site once, and knows every token", () => {
    const { stackName, sites, signals } = exampleSeveral();
    assert.equal(stackName, "eu+us");
    assert.deepEqual(
      sites.map(({ name, stack }) => `${name} ${stack ?? ""}`),
      ["austin us", "berlin eu", "oslo eu", "oslo us"],
    );
    assert.deepEqual(
      distinctSites(sites).map(({ name }) => name),
      ["austin", "berlin", "oslo"],
    );
    assert.deepEqual(
      signals.map(({ audiences }) => audiences.map((tag) => tag[0]).join("")),
      ["ac", "bd"],
    );
  });

  it("takes what the slowest collectors of all need", () => {
    const windows = { ...us.windows, outOfOrderTimeWindow: us.windows.outOfOrderTimeWindow + 5 };
    const joined = joinHosts([eu, { ...us, windows }]);
    assert.ok(joined.ok && joined.value.windows.outOfOrderTimeWindow === windows.outOfOrderTimeWindow);
  });

  it("is refused where they cannot share it, with both stacks' values", () => {
    const problems = (changes: object) => problemsOf(joinHosts([eu, { ...us, ...changes }])).map(problemText);
    assert.deepEqual(problems({ identity: "tenant", siteLabel: "site" }), [
      "sitepass:identity: is label in stack eu and tenant in stack us, and one central host has one. Make it the same in both, or render a central host for each.",
      "sitepass:siteLabel: is provider in stack eu and site in stack us, and one central host has one. Make it the same in both, or render a central host for each.",
    ]);
    assert.match(
      problems({ limits: { ...us.limits, requestsPerSecond: 1 } }).join("\n"),
      /^sitepass:central: is \{"limits":\{"bytesPerSecond":4000000,"requestsPerSecond":50\}.* in stack eu and /,
    );
    assert.deepEqual(problems({ sites: [...us.sites, ...eu.sites.slice(0, 1)] }), [
      "sites/berlin: is a site of the stacks eu and us, and is not moving from one to the other. Give each stack a sitepass:shard of its own, and each site the shard of one of them.",
    ]);
  });
});
