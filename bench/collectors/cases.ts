/** What goes wrong, in the order of the table's columns. */
export const caseNames = [
  "login-page redirect",
  "401",
  "403",
  "429",
  "500",
  "530",
  "connection refused",
  "secret file missing",
  "rotation",
] as const;

export type CaseName = (typeof caseNames)[number];
