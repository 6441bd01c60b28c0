/**
 * Values of the label `unit` for lines of the journal, as rules of Prometheus' relabelling, which Alloy and Promtail both have.
 *
 * A value of its own is a stream of its own in Loki, which takes 5,000 of them and then answers 429, for which collectors repeat
 * without end. Names of units that come and go have no end either: a log-in is a session-12.scope, a connection an
 * sshd@7-10.0.0.5:22-10.0.0.9:51514.service. They get one value for all, or that of their template
 * (docs/facts/collectors.md, K61). Patterns match from beginning to end.
 */
export const journalUnitRules = [
  { source_labels: ["__journal__systemd_unit"], target_label: "unit" },
  {
    source_labels: ["unit"],
    // Scopes; what a run of hexadecimal digits tells apart, such as containers; services of D-Bus' own; systemd-run's.
    regex:
      ".*[0-9a-f]{12}.*|.+\\.scope|dbus-:.+|run-(?:u[0-9]+|r[0-9a-f]+|p[0-9]+-i[0-9]+)\\.[a-z]+|.*\\.(?:device|mount|swap)",
    target_label: "unit",
    replacement: "transient",
  },
  {
    source_labels: ["__journal__systemd_unit"],
    // systemd itself.
    regex: "init\\.scope",
    target_label: "unit",
    replacement: "init.scope",
  },
  {
    source_labels: ["unit"],
    // A user's own, by the user's number.
    regex: "(user(?:-runtime-dir)?)@[0-9]+\\.service",
    target_label: "unit",
    replacement: "$1@.service",
  },
  {
    source_labels: ["unit"],
    // A connection or a crash, by a count, as systemd.socket's Accept= names it. Other instances, such as postgresql@15-main, stay.
    regex: "([^@]+)@[0-9]+-(?:[0-9]+-[0-9]+|.+:[0-9]+-.+)\\.([a-z]+)",
    target_label: "unit",
    replacement: "$1@.$2",
  },
] as const;
