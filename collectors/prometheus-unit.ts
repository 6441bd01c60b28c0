import type { CollectorRelease, Placement, RenderedFile } from "./collector";
import { isAtLeast } from "./release-version";
import { dropIn, execStart } from "./systemd";

/** Where Debian's packages keep data: what is there stays in use. */
const stateDirectory = "/var/lib/prometheus";

/** Runs Prometheus with the rendered file, whatever the package's own command line is. */
export function prometheusUnit(placement: Placement, release: CollectorRelease): RenderedFile {
  const agent = release.mode === "agent";
  return dropIn("prometheus", placement, [
    ...(agent
      ? [
          "# Pushes that fail wait in the write-ahead log. Every time it is cut, the older two thirds of its files go, sent or not:",
          "# with a cut every four hours, at least two hours are there, and eight where little is scraped.",
        ]
      : [
          "# Pushes that fail wait in the write-ahead log, which is cut every two hours, sent or not. What is scraped stays in the",
          "# local database for 15 days either way, but is not pushed from there.",
        ]),
    "# ARGS in /etc/default/prometheus is not used: a flag must not be there twice. For flags of your own, write a drop-in that",
    "# comes after this one, such as zz-own.conf.",
    ...execStart("prometheus", [
      ...(agent ? [isAtLeast(release, "3.0.0") ? "--agent" : "--enable-feature=agent"] : []),
      `--config.file=${placement.directory}/prometheus/prometheus.yml`,
      ...(agent
        ? [
            `--storage.agent.path=${stateDirectory}/data-agent/`,
            "--storage.agent.wal-truncate-frequency=4h",
            "--storage.agent.retention.max-time=8h",
          ]
        : [`--storage.tsdb.path=${stateDirectory}/metrics2/`]),
    ]),
    "StateDirectory=prometheus",
    "# What is under way when it stops gets a minute to arrive; killed earlier, the next one finds the database locked.",
    "TimeoutStopSec=90",
  ]);
}
