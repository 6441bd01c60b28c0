import { alloyFile, block, component } from "../../collectors/common/alloy-text";
import { reference, explained } from "../../collectors/common/config-text";
import type { CentralHost, CentralProgram, Places } from "../central-host";
import { addressOf, carrierLabel, listenAddress } from "./addresses";

const pushPath = "/loki/api/v1/push";

/** Where Loki takes pushes, and where OpenTelemetry's logs. */
function lokiUrls(
  { ownStores }: CentralHost,
  places: Places,
): { readonly push: string; readonly otlp: string } {
  const push = ownStores.logs?.url.href ?? `http://${addressOf(places, "loki")}${pushPath}`;
  return {
    push,
    otlp: `${push.endsWith(pushPath) ? push.slice(0, -pushPath.length) : new URL(push).origin}/otlp`,
  };
}

const takesOtlp = ({ signals }: CentralHost): boolean =>
  signals.some(({ signal, paths }) => signal === "logs" && paths.some((path) => path.endsWith("/v1/logs")));

/** What is asked of OpenTelemetry's logs: the site's own word goes first, so that it is gone also where the gate should name none. */
const otlpStatements = (siteLabel: string): readonly string[] => {
  const label = JSON.stringify(siteLabel);
  return [
    `delete_key(resource.attributes, ${label})`,
    `set(resource.attributes[${label}], attributes["${carrierLabel}"])`,
    `delete_key(attributes, "${carrierLabel}")`,
  ];
};

function otlpBlocks(central: CentralHost, places: Places) {
  const { bind, ports } = places.programs.alloy;
  return [
    component(
      "otelcol.receiver.otlp",
      "sites",
      block("http", { endpoint: `${bind}:${ports.otlp}`, include_metadata: true }),
      block("output", { logs: [reference("otelcol.processor.attributes.site.input")] }),
    ),
    component(
      "otelcol.processor.attributes",
      "site",
      block("action", { key: carrierLabel, action: "delete" }),
      block("action", { key: carrierLabel, action: "upsert", from_context: "metadata.x-scope-orgid" }),
      block("output", { logs: [reference("otelcol.processor.transform.site.input")] }),
    ),
    component(
      "otelcol.processor.transform",
      "site",
      { error_mode: "propagate" },
      block("log_statements", { context: "log", statements: otlpStatements(central.siteLabel) }),
      block("output", { logs: [reference("otelcol.exporter.otlphttp.loki.input")] }),
    ),
    explained(
      "Neither kept nor sent again here: the site is told what Loki answers, and keeps its logs itself.",
      component(
        "otelcol.exporter.otlphttp",
        "loki",
        block("client", { endpoint: lokiUrls(central, places).otlp }),
        block("sending_queue", { enabled: false }),
        block("retry_on_failure", { enabled: false }),
      ),
    ),
  ];
}

/** Makes every line that is pushed carry the name of the site whose token pushed it. */
export const alloy: CentralProgram = {
  name: "alloy",
  title: "Alloy",
  isNeeded: ({ identity, signals }) =>
    identity === "label" && signals.some(({ signal }) => signal === "logs"),
  files: (central, places) => {
    const { bind, ports } = places.programs.alloy;
    return [
      alloyFile(
        "alloy/config.alloy",
        `The gate names the site in X-Scope-OrgID, and what it lets through is written under that name: ${central.siteLabel} is replaced, whatever the site wrote there.`,
        [
          component(
            "loki.source.api",
            "sites",
            { use_incoming_timestamp: true, forward_to: [reference("loki.relabel.site.receiver")] },
            block("http", { listen_address: bind, listen_port: ports.loki }),
          ),
          component(
            "loki.relabel",
            "site",
            { forward_to: [reference("loki.write.loki.receiver")] },
            block("rule", { action: "labeldrop", regex: central.siteLabel }),
            block("rule", { source_labels: ["__tenant_id__"], target_label: central.siteLabel }),
            block("rule", { action: "labeldrop", regex: "__tenant_id__" }),
          ),
          component(
            "loki.write",
            "loki",
            explained(
              "Without an end: what a site was told is taken is not dropped while Loki is away. What comes then has to wait, and the site keeps it.",
              block("endpoint", {
                url: lokiUrls(central, places).push,
                follow_redirects: false,
                max_backoff_retries: 0,
                max_backoff_period: "10s",
              }),
            ),
          ),
          ...(takesOtlp(central) ? otlpBlocks(central, places) : []),
        ],
      ),
    ];
  },
  command: (_central, places) => {
    const place = places.programs.alloy;
    return {
      program: "alloy",
      args: [
        "run",
        `--server.http.listen-addr=${listenAddress(place)}`,
        `--storage.path=${place.data}`,
        "--disable-reporting",
        `${place.files}/config.alloy`,
      ],
      environment: {},
    };
  },
  readyPath: "/-/ready",
};
