import { PolicyPack } from "@pulumi/policy";
import { policyOf } from "./rule";
import { rules } from "./rules/rules";
import { readSettings } from "./settings";

// What each rule stops, and what a push would do without it: docs/policy-pack.md.
const settings = readSettings();

new PolicyPack("sitepass", { policies: rules.map((rule) => policyOf(rule, settings)) });
