import { startConnector, type Connector } from "cloudflare-standin/edge/tunnel/connector";
import { startEdge, type Edge } from "cloudflare-standin/edge/edge";
import { send, type HeaderLines } from "cloudflare-standin/edge/http-messages";
import { remoteWriteBody, remoteWriteHeaders } from "../../local/pushes/push-messages";
import { tokenHeaders } from "cloudflare-standin/edge/access/service-credentials";
import { startReceiver, type Receiver } from "../../local/pushes/receiver";
import type { Scenario } from "./scenario";

/** Edge, connector and one receiver for both signals, on what a scenario has provisioned. */
export interface TestDataPath {
  readonly edge: Edge;
  readonly receiver: Receiver;
  readonly connector: Connector;
  readonly close: () => Promise<void>;
}

/** Opens the way that pushes take. `origins` are the services of the configuration that lead to the receiver. */
export async function openTestDataPath(
  fleet: Scenario,
  origins: readonly string[] = ["http://localhost:9090", "http://localhost:3100"],
): Promise<TestDataPath> {
  const { database } = fleet.standIn;
  const { tunnelToken } = await fleet.outputs();
  if (tunnelToken === undefined) {
    throw new Error("the scenario publishes no tunnel");
  }
  const receiver = await startReceiver();
  const edge = await startEdge({ database });
  const connector = await startConnector({
    database,
    tunnelToken,
    services: new Map(origins.map((origin) => [origin, receiver.url])),
  });
  return {
    edge,
    receiver,
    connector,
    close: async () => {
      await connector.close();
      await edge.close();
      await receiver.close();
    },
  };
}

/** Headers with a site's credentials. */
export async function credentialsOf(fleet: Scenario, site: string): Promise<HeaderLines> {
  const found = (await fleet.outputs()).sites[site];
  if (found === undefined) {
    throw new Error(`no output for ${site}`);
  }
  return tokenHeaders(found.clientId, found.clientSecret);
}

/** Pushes one sample to the metrics host, and says what was answered. */
export async function pushSample(edge: Edge, site: string, credentials: HeaderLines): Promise<number> {
  const { status } = await send(edge.url, {
    host: "prom.example.com",
    path: "/api/v1/write",
    headers: [...credentials, ...remoteWriteHeaders],
    body: remoteWriteBody([
      { labels: { __name__: "pushed", provider: site }, samples: [{ timestamp: Date.now(), value: 1 }] },
    ]),
  });
  return status;
}
