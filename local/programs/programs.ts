import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

interface GoModule {
  /** How people name it, with its version. */
  readonly title: string;
  /** The release, which a program built from a module does not know itself. */
  readonly version: string;
  /** The programs, with the Go package that each is built from. */
  readonly programs: Readonly<Record<string, string>>;
  /** Go build tags. */
  readonly tags: readonly string[];
  /** Flags for the linker; none by default. */
  readonly ldflags?: string;
}

/** Real programs that no Debian 12 package brings, each pinned by a Go module in a folder beside this file. */
export const goModules = {
  prometheus: {
    title: "Prometheus 3.10",
    version: "3.10.0",
    programs: {
      prometheus: "github.com/prometheus/prometheus/cmd/prometheus",
      promtool: "github.com/prometheus/prometheus/cmd/promtool",
    },
    tags: [],
  },
  loki: {
    title: "Loki 3.7.8",
    version: "3.7.8",
    programs: { loki: "github.com/grafana/loki/v3/cmd/loki" },
    tags: [],
  },
  otelcol: {
    title: "OpenTelemetry Collector 0.165.0",
    version: "0.165.0",
    programs: { otelcol: "." },
    tags: [],
  },
  vmagent: {
    title: "vmagent of July 2025",
    version: "1.122.0",
    programs: { vmagent: "github.com/VictoriaMetrics/VictoriaMetrics/app/vmagent" },
    tags: [],
  },
  compose: {
    title: "compose-go 2.16.2, by which Docker Compose reads its files",
    version: "2.16.2",
    programs: { compose: "." },
    tags: [],
  },
  telegraf: {
    title: "Telegraf 1.39.3",
    version: "1.39.3",
    programs: { telegraf: "github.com/influxdata/telegraf/cmd/telegraf" },
    // The plugins that are rendered, and what their inputs are exercised with, and no other (Telegraf's
    // docs/CUSTOMIZATION.md): building all of them takes half an hour.
    tags: [
      "custom",
      "inputs.cpu",
      "inputs.disk",
      "inputs.execd",
      "inputs.internal",
      "inputs.mem",
      "inputs.mock",
      "inputs.system",
      "inputs.tail",
      "outputs.http",
      "parsers.value",
      "processors.override",
      "processors.rename",
      "secretstores.docker",
      "serializers.prometheusremotewrite",
      "serializers.template",
    ],
  },
  alertmanager: {
    title: "Alertmanager 0.31.1",
    version: "0.31.1",
    // The newest whose module holds the pages that it shows, without which it cannot be built; Debian 12's reads no `url_file`.
    programs: {
      alertmanager: "github.com/prometheus/alertmanager/cmd/alertmanager",
      amtool: "github.com/prometheus/alertmanager/cmd/amtool",
    },
    tags: [],
    ldflags: "-X github.com/prometheus/common/version.Version=0.31.1",
  },
  actionlint: {
    title: "actionlint 1.7.12, which reads GitHub's workflows",
    version: "1.7.12",
    programs: { actionlint: "github.com/rhysd/actionlint/cmd/actionlint" },
    tags: [],
    ldflags: "-X github.com/rhysd/actionlint.version=1.7.12",
  },
  pulumi: {
    title: "Pulumi CLI 3.260.0",
    version: "3.260.0",
    programs: {
      pulumi: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      // The CLI finds it beside itself.
      "pulumi-language-nodejs": ".",
    },
    tags: [],
    // What it says of itself, and what Pulumi.yaml's requiredPulumiVersion is compared with.
    ldflags: "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.260.0",
  },
} as const satisfies Record<string, GoModule>;

export type GoModuleName = keyof typeof goModules;

/** A module as `go build` is told of it. */
export const goModule = (name: GoModuleName): GoModule => goModules[name];

/** The folder of a Go module. */
export const moduleDirectory = (name: GoModuleName): string => join(__dirname, name);

/**
 * Where a module's programs are kept: outside the repository, in a folder named after what they are built from, so that a
 * changed module is another folder.
 */
export function programsDirectory(name: GoModuleName): string {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const module = moduleDirectory(name);
  const { tags, ldflags = "" } = goModule(name);
  const hash = createHash("sha256").update(tags.join(",")).update(ldflags);
  for (const file of readdirSync(module).sort()) {
    hash.update(`${file}\0`).update(readFileSync(join(module, file)));
  }
  return join(cache, "sitepass", "programs", `${name}-${hash.digest("hex").slice(0, 12)}`);
}

/** A built program's path; undefined when it was not built on this machine: `npm run programs` does. */
export function findProgram(name: GoModuleName, program: string): string | undefined {
  const path = join(programsDirectory(name), program);
  return existsSync(path) ? path : undefined;
}
