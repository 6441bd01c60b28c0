import { yamlFile } from "../../collectors/common/config-text";
import type { RenderedFile } from "../../collectors/collector";
import { dashboardFiles } from "../dashboards/dashboards";
import type { CentralHost, CentralProgram, Places } from "../central-host";
import { dataSources } from "../dashboards/panels";
import { distinctSites } from "../several-stacks";
import { addressOf } from "./addresses";
import { loki } from "./loki";

function dataSourceFile(central: CentralHost, places: Places): RenderedFile {
  const tenants = distinctSites(central.sites)
    .filter(({ signals }) => signals.includes("logs"))
    .map(({ name }) => name)
    .join("|");
  return yamlFile("grafana/provisioning/datasources/sitepass.yml", "The stores of the central host.", {
    apiVersion: 1,
    prune: true,
    datasources: [
      {
        name: "Prometheus",
        ...dataSources.prometheus,
        access: "proxy",
        url: `http://${addressOf(places, "prometheus")}`,
        isDefault: true,
        jsonData: { httpMethod: "POST", prometheusType: "Prometheus", timeInterval: "30s" },
      },
      loki.isNeeded(central)
        ? {
            name: "Loki",
            ...dataSources.loki,
            access: "proxy",
            url: `http://${addressOf(places, "loki")}`,
            jsonData: central.identity === "tenant" ? { httpHeaderName1: "X-Scope-OrgID" } : undefined,
            secureJsonData: central.identity === "tenant" ? { httpHeaderValue1: tenants } : undefined,
          }
        : undefined,
    ],
  });
}

function settings({ secrets }: CentralHost, { programs, credentials }: Places): RenderedFile {
  const { bind, ports, files, data } = programs.grafana;
  const sections = {
    paths: { data, logs: `${data}/log`, plugins: `${data}/plugins`, provisioning: `${files}/provisioning` },
    server: { http_addr: bind, http_port: ports.http },
    analytics: {
      reporting_enabled: false,
      check_for_updates: false,
      check_for_plugin_updates: false,
      feedback_links_enabled: false,
    },
    security: {
      ...(secrets.has("grafana-password") && { admin_password: `$__file{${credentials}/grafana-password}` }),
      disable_gravatar: true,
      cookie_samesite: "strict",
    },
    users: { allow_sign_up: false },
    dashboards: { default_home_dashboard_path: `${files}/dashboards/fleet.json` },
    log: { mode: "console" },
    metrics: { enabled: true },
  };
  const text = Object.entries(sections).map(
    ([name, entries]) =>
      `[${name}]\n${Object.entries(entries)
        .map(([key, value]) => `${key} = ${value}\n`)
        .join("")}`,
  );
  return {
    path: "grafana/grafana.ini",
    mode: 0o644,
    content: `# Grafana of the central host. The password is that of the first start, for the user admin.\n\n${text.join("\n")}`,
  };
}

export const grafana: CentralProgram = {
  name: "grafana",
  title: "Grafana",
  isNeeded: () => true,
  files: (central, places) => [
    settings(central, places),
    dataSourceFile(central, places),
    yamlFile("grafana/provisioning/dashboards/sitepass.yml", "The dashboards of the central host.", {
      apiVersion: 1,
      providers: [
        {
          name: "sitepass",
          folder: "sitepass",
          type: "file",
          allowUiUpdates: false,
          options: { path: `${places.programs.grafana.files}/dashboards` },
        },
      ],
    }),
    ...dashboardFiles(central),
  ],
  command: (_central, places) => ({
    program: "grafana",
    args: [
      "server",
      "--homepath=/usr/share/grafana",
      `--config=${places.programs.grafana.files}/grafana.ini`,
    ],
    environment: {},
  }),
  readyPath: "/api/health",
};
