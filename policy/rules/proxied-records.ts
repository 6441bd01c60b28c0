import { notYetKnown, valueIn } from "../properties";
import type { Rule } from "../rule";

/** What is not proxied does not pass Access. */
export const proxiedRecords: Rule = {
  name: "push-records-proxied",
  description: "Every address record of a push host is proxied by Cloudflare.",
  early: true,
  violations: ({ resources, pushes }) =>
    resources.flatMap((record) => {
      const host = pushes.hostOfRecord(record);
      const proxied = valueIn(record.props, "proxied");
      return host === undefined || proxied === true || proxied === notYetKnown
        ? []
        : {
            resource: record,
            says: `proxied is ${proxied === undefined ? "missing" : JSON.stringify(proxied)} on a record of ${host}: pushes go around Access, with their token, to whatever answers there`,
            todo: "Set proxied: true",
          };
    }),
};
