import type { ProgramName } from "../central-host";

/** One program as its makers' container image brings it. */
export interface CentralImage {
  readonly repository: string;
  /** The image's tag: the release that the rendered files are written for. */
  readonly version: string;
  /** Of the image's index over all architectures, so that the same file runs on amd64 and arm64. */
  readonly digest: string;
  /** Absolute path of the program in the image. */
  readonly program: string;
  /** Where the program keeps its data, as it sees it; undefined: it keeps none. */
  readonly data: string | undefined;
  /** What tells inside the container that it runs; undefined: the image has nothing to ask with, and what scrapes it tells. */
  readonly health?: (port: number, readyPath: string) => readonly string[];
  /** How long it may take to put down what it holds. */
  readonly stopSeconds: number;
}

const busyboxWget = (port: number, readyPath: string): readonly string[] => [
  "wget",
  "-q",
  "-O",
  "/dev/null",
  `http://127.0.0.1:${port}${readyPath}`,
];

/**
 * Pinned by version and digest: a tag can be moved, a digest cannot. Both are raised together: docs/central.md says which digests are taken.
 *
 * Folders of data are those that an image declares as volumes, where it does. Loki's image has no shell since 3.6 (loki#20149),
 * Alloy's has no HTTP client, and whether vmagent's has one differs from release to release.
 */
export const centralImages: Readonly<Record<ProgramName, CentralImage>> = {
  cloudflared: {
    repository: "docker.io/cloudflare/cloudflared",
    version: "2026.8.2",
    digest: "sha256:0aa26e284f05e6c77ae375b8c9c11d9eb6a448fb7bcd8d40f31cb6176189eb38",
    program: "/usr/local/bin/cloudflared",
    data: undefined,
    // It knows itself how to ask (cloudflared, cmd/cloudflared/tunnel/subcommands.go, buildReadyCommand).
    health: (port) => ["/usr/local/bin/cloudflared", "tunnel", "--metrics", `127.0.0.1:${port}`, "ready"],
    // Requests under way get 30 seconds (its --grace-period).
    stopSeconds: 40,
  },
  gate: {
    repository: "docker.io/library/haproxy",
    version: "3.2.23-alpine",
    digest: "sha256:5961c68bc8a81c5124d0a98ab20f81b74717d6afe596e805977d9cf84c126222",
    program: "/usr/local/sbin/haproxy",
    data: undefined,
    health: busyboxWget,
    stopSeconds: 40,
  },
  vmagent: {
    repository: "docker.io/victoriametrics/vmagent",
    version: "v1.150.0",
    digest: "sha256:3eff5874d59292714878dcb6aee14f048bf19b7312b727860ba5e7d29e2e0c07",
    program: "/vmagent-prod",
    data: "/var/lib/vmagent",
    stopSeconds: 60,
  },
  prometheus: {
    repository: "docker.io/prom/prometheus",
    version: "v3.14.0",
    digest: "sha256:5ce7540c3c00ef4ab0c9d2c995c6a5b9c421f44b4a115d97a2c7af3b1c21cbb0",
    program: "/bin/prometheus",
    data: "/prometheus",
    health: (port) => ["/bin/promtool", "check", "ready", `--url=http://127.0.0.1:${port}`],
    stopSeconds: 120,
  },
  alloy: {
    repository: "docker.io/grafana/alloy",
    version: "v1.18.1",
    digest: "sha256:0f4434c92b3e6cdac38bb129b344e1790c246f7b6e2eaffcc16a5fa363240e33",
    program: "/bin/alloy",
    data: "/var/lib/alloy/data",
    stopSeconds: 60,
  },
  loki: {
    repository: "docker.io/grafana/loki",
    version: "3.7.8",
    digest: "sha256:1107dd5274e0ada47e42472b7a7e71f3b2a2fe878878108f3e2f9e51528f0193",
    program: "/usr/bin/loki",
    data: "/loki",
    // The ingester writes its open chunks.
    stopSeconds: 300,
  },
  alertmanager: {
    repository: "docker.io/prom/alertmanager",
    version: "v0.34.1",
    digest: "sha256:e9733bafb1bdef9b00e25a21f8f99dc26a22224bf16641ad754d1649f4c3357a",
    program: "/bin/alertmanager",
    data: "/alertmanager",
    health: busyboxWget,
    stopSeconds: 30,
  },
  grafana: {
    repository: "docker.io/grafana/grafana",
    version: "13.2.3",
    digest: "sha256:b28bae15e219c998fb0e0424ed724930cc61b1f61fb404d47c862f9a23f9e572",
    program: "/usr/share/grafana/bin/grafana",
    data: "/var/lib/grafana",
    health: busyboxWget,
    stopSeconds: 30,
  },
  "node-exporter": {
    repository: "docker.io/prom/node-exporter",
    version: "v1.12.1",
    digest: "sha256:1b4e4438faca4dd7e001dd445d161a4a2091b0fededa84093b3a8dfeae1f1be0",
    program: "/bin/node_exporter",
    data: undefined,
    health: busyboxWget,
    stopSeconds: 10,
  },
};

/** An image as Compose and `docker pull` name it. */
export const imageName = ({ repository, version, digest }: CentralImage): string =>
  `${repository}:${version}@${digest}`;
