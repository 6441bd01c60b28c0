import { join } from "node:path";
import type { RenderedFile } from "../../collectors/collector";
import type { CentralHost } from "../central-host";
import { folderFiles } from "../packaging/folder-files";
import type { PackagedHost, PackagingName } from "../packaging/packaging";
import { programsOf } from "../programs";
import { exampleHost, exampleSeveral } from "./central-hosts";

/** Whole folders as they are rendered, to be read and compared; without secrets. */
export const expectedCentralFolder = join(__dirname, "..", "expected");

const everySecret: CentralHost["secrets"] = new Set([
  "tunnel-token",
  "heartbeat-url",
  "alert-url",
  "mail-password",
  "grafana-password",
]);

const mail: Partial<CentralHost> = {
  alertEmails: ["ops@example.com"],
  mail: { server: "smtp.example.com:587", from: "sitepass@example.com", user: "sitepass" },
  secrets: everySecret,
};

const ownStores: CentralHost["ownStores"] = {
  metrics: { url: new URL("http://mimir:8080/api/v1/push"), takesExtraLabel: false },
  logs: { url: new URL("http://host.docker.internal:3100/loki/api/v1/push"), takesExtraLabel: false },
};

/** A host as its folder is rendered from it, in /srv/sitepass. */
export const packagedHost = (changes: Partial<CentralHost> = {}, only?: "gate"): PackagedHost =>
  packaged(exampleHost(changes), only);

function packaged(central: CentralHost, only?: "gate"): PackagedHost {
  return {
    central,
    programs: programsOf(central).filter(
      ({ name }) => only === undefined || ["gate", "vmagent", "alloy"].includes(name),
    ),
    onlyGate: only === "gate",
    folder: "/srv/sitepass/central-host",
    checkout: "/srv/sitepass",
    owner: { uid: 1000, gid: 1000 },
  };
}

const folder = (as: PackagingName, host: PackagedHost): readonly RenderedFile[] => folderFiles(host, as);

/** The cases by their folder below `expectedCentralFolder`. */
export const expectedCentralCases: Readonly<Record<string, readonly RenderedFile[]>> = {
  "compose-label": folder("compose", packagedHost(mail)),
  "compose-tenant": folder("compose", packagedHost({ identity: "tenant" })),
  "systemd-label": folder("systemd", packagedHost(mail)),
  "compose-several": folder("compose", packaged(exampleSeveral())),
  "systemd-several": folder("systemd", packaged(exampleSeveral())),
  "only-gate": folder("compose", packagedHost({ ownStores, secrets: new Set() }, "gate")),
};
