import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Fault as InjectedFault } from "cloudflare-standin/api/control";
import { defaultLimits, type Limits } from "cloudflare-standin/api/limits";
import { permissions, type Permission } from "cloudflare-standin/api/permissions";
import { present } from "cloudflare-standin/testing/stand-in";
import { deleteTunnel } from "../support/deleted-tunnel";
import type { Engine } from "../support/engines";
import type { Scenario } from "../support/scenario";

/** Something that goes wrong, under the heading that docs/faults.md has for it, where messages and commands are. */
export interface Fault {
  readonly title: string;
  /**
   * The engine on which `npm test` runs it, if it does: the Pulumi CLI where its own state, lock or order has a part in it, and
   * local/engine where all that is told is this project's.
   */
  readonly quick?: Engine["name"] | undefined;
  /** Sites beside tokyo. */
  readonly sites?: readonly string[];
  readonly configuration?: Readonly<Record<string, unknown>>;
  readonly limits?: Partial<Limits>;
  /** Permissions that the API token lacks. */
  readonly lacks?: readonly Permission[];
  /** Whether the fleet is up when it happens; else it happens to the first `up`. */
  readonly fromFleet?: boolean;
  /** What goes wrong, or what makes it go wrong with the first command. */
  readonly happen: (fleet: Scenario) => void | Promise<void>;
  /** The run of `up` that it happens to is killed by this request, which is not in docs/faults.md. */
  readonly killedBy?: InjectedFault;
  /** What a person does between two commands, by the comment in docs/faults.md. */
  readonly byHand?: Readonly<Record<string, (fleet: Scenario) => void | Promise<void>>>;
  /** Objects that are left over on purpose, which `check` or `status` names. */
  readonly leavesOver?: number;
  readonly cleanUp?: (fleet: Scenario) => void;
  /** Needs what only some machines and engines have; why it cannot be run, if so. */
  readonly absence?: (engine: string) => string | undefined;
}

const all = { match: {} };
const post = (path: RegExp) => ({ match: { method: "POST", path } });
const creations = {
  token: post(/service_tokens$/),
  // The second one: the first lets nobody in.
  policy: { ...post(/access\/policies$/), skip: 1 },
  application: post(/apps$/),
  tunnel: post(/cfd_tunnel$/),
  ingress: { match: { method: "PUT", path: /configurations$/ } },
  record: post(/dns_records$/),
  alert: post(/alerting\/v3\/policies$/),
} as const;

const inject =
  (...faults: readonly InjectedFault[]) =>
  (fleet: Scenario) => {
    for (const fault of faults) {
      fleet.standIn.inject(fault);
    }
  };

const nothing = () => undefined;

const rotate = (fleet: Scenario) => {
  fleet.putSite("tokyo", "token:\n  secretVersion: 2\n  previousSecretExpiresAt: 2027-11-27T12:00:00Z\n");
};

const raisedLimit = {
  "have Cloudflare raise the limit": (fleet: Scenario) => {
    fleet.standIn.setLimits(defaultLimits);
  },
};

let othersRun: Promise<unknown> = Promise.resolve();

const firstOf = <Row>(rows: ReadonlyMap<string, Row>): Row => present([...rows.values()][0]);

const putRow = <Row extends { readonly id: string }>(rows: Map<string, Row>, changed: Row) => {
  rows.set(changed.id, changed);
};

const alerts = { alertEmails: ["ops@example.com"] };

const realEngineAlone = (engine: string) =>
  engine === "pulumi" ? undefined : "it is a fault of pulumi's own state";

const html = "<html><head><title>502 Bad Gateway</title></head></html>";

/** A small disk in memory that holds the state and is full. */
const fullDisk = {
  fill: (fleet: Scenario) => {
    const disk = join(fleet.directory, "..", "backend");
    const kept = `${disk}.kept`;
    execFileSync("cp", ["-a", disk, kept]);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]);
    execFileSync("cp", ["-a", `${kept}/.`, disk]);
    mkdirSync(join(disk, "other"));
    for (let number = 0; ; number += 1) {
      try {
        writeFileSync(join(disk, "other", String(number)), Buffer.alloc(4096));
      } catch {
        return;
      }
    }
  },
  unmount: (fleet: Scenario) => {
    execFileSync("umount", [join(fleet.directory, "..", "backend")]);
  },
  free: (fleet: Scenario) => {
    rmSync(join(fleet.directory, "..", "backend", "other"), { recursive: true });
  },
};

export const faults: readonly Fault[] = [
  // Killed.
  ...(["application", "tunnel", "record", "policy", "token", "alert"] as const).map((object): Fault => ({
    title: {
      application: "Killed while an application is created",
      tunnel: "Killed while the tunnel is created",
      record: "Killed while a DNS record is created",
      policy: "Killed while a policy is created",
      token: "Killed while a service token is created",
      alert: "Killed while a notification policy is created",
    }[object],
    quick: object === "application" || object === "token" ? "pulumi" : undefined,
    configuration: object === "alert" ? alerts : {},
    happen: nothing,
    killedBy: { ...creations[object], hold: "after" },
    leavesOver: ["policy", "token", "alert"].includes(object) ? 1 : 0,
  })),
  {
    title: "Killed while a secret is rotated",
    quick: "pulumi",
    fromFleet: true,
    happen: rotate,
    killedBy: { match: { method: "PUT", path: /service_tokens/ }, hold: "after" },
  },
  {
    title: "Killed while a service token is deleted",
    sites: ["kyoto"],
    fromFleet: true,
    happen: (fleet) => {
      fleet.removeSite("kyoto");
    },
    killedBy: { match: { method: "DELETE", path: /service_tokens/ }, hold: "after" },
  },
  {
    title: "Killed while the state is written to a folder",
    fromFleet: true,
    absence: realEngineAlone,
    happen: (fleet) => {
      writeFileSync(join(fleet.directory, "..", "backend/.pulumi/stacks/sitepass/prod.json.attrs"), "");
    },
  },
  // Answers that are lost.
  ...(["token", "policy", "alert", "application", "tunnel", "ingress", "record"] as const).map(
    (object): Fault => ({
      title: {
        token: "The answer to the creation of a service token is lost",
        policy: "The answer to the creation of a policy is lost",
        alert: "The answer to the creation of a notification policy is lost",
        application: "The answer to the creation of an application is lost",
        tunnel: "The answer to the creation of the tunnel is lost",
        ingress: "The answer to the ingress rules is lost",
        record: "The answer to the creation of a DNS record is lost",
      }[object],
      quick: object === "application" ? "pulumi" : undefined,
      configuration: object === "alert" ? alerts : {},
      happen: inject({ ...creations[object], lostAnswer: true }),
      leavesOver: ["policy", "token", "alert"].includes(object) ? 1 : 0,
    }),
  ),
  {
    title: "The answer to a rotation is lost",
    quick: "pulumi",
    fromFleet: true,
    happen: (fleet) => {
      rotate(fleet);
      fleet.standIn.inject({ match: { method: "PUT", path: /service_tokens/ }, lostAnswer: true });
    },
  },
  // What the API answers.
  {
    title: "Too many calls (429)",
    happen: inject({ ...all, skip: 4, times: 3, status: 429, code: 971, retryAfterSeconds: 1 }),
  },
  {
    title: "A burst of errors (500)",
    happen: inject({ ...creations.application, times: 2, status: 500, shouldRetry: true }),
  },
  {
    title: "Errors that do not end (500)",
    happen: inject({ ...creations.application, status: 500, message: "internal error" }),
  },
  {
    title: "The API is down",
    happen: inject({ ...all, times: 2, status: 503, message: "service unavailable" }),
  },
  {
    title: "A page of HTML in place of JSON, before anything is made",
    quick: "local/engine",
    happen: inject({ match: { path: /service_tokens$/ }, html }),
  },
  {
    title: "A page of HTML in place of JSON, at a creation",
    happen: inject({ ...creations.record, html }),
  },
  // Permissions.
  ...(
    [
      ["service tokens", "Access: Service Tokens"],
      ["applications and policies", "Access: Apps and Policies"],
      ["the tunnel", "Cloudflare Tunnel"],
      ["DNS records", "DNS"],
      ["the zone", "Zone"],
      ["notifications", "Notifications"],
      ["the organization", "Access: Organizations, Identity Providers, and Groups"],
    ] as const
  ).map(([what, group]): Fault => ({
    title: `The permission for ${what} is missing`,
    quick: what === "the tunnel" ? "local/engine" : undefined,
    configuration: { ...alerts, ...(what === "the organization" ? { teamName: undefined } : {}) },
    lacks: permissions.filter((one) => one.startsWith(group)),
    happen: nothing,
    byHand: {
      "give the API token the permission": (fleet) => {
        fleet.allowEverything();
      },
    },
  })),
  // Quotas.
  {
    title: "The quota of service tokens is reached midway",
    quick: "local/engine",
    sites: ["kyoto", "osaka"],
    limits: { serviceTokens: 2 },
    happen: nothing,
    byHand: raisedLimit,
  },
  {
    title: "The quota of applications is reached midway",
    limits: { applications: 1 },
    happen: nothing,
    byHand: raisedLimit,
  },
  // By hand.
  {
    title: "A service token was deleted by hand",
    quick: "pulumi",
    fromFleet: true,
    sites: ["kyoto"],
    happen: ({ standIn: { database } }) => {
      // The dashboard asks for it to be taken out of its policies first (error 12139).
      const { id } = present([...database.serviceTokens.values()].find(({ name }) => name.endsWith("tokyo")));
      for (const policy of database.policies.values()) {
        putRow(database.policies, {
          ...policy,
          include: policy.include.filter((rule) => !JSON.stringify(rule).includes(id)),
        });
      }
      database.serviceTokens.delete(id);
    },
  },
  {
    title: "A policy was deleted by hand",
    fromFleet: true,
    happen: ({ standIn: { database } }) => {
      const { id } = present(
        [...database.policies.values()].find(({ name }) => name.includes("push metrics")),
      );
      for (const application of database.applications.values()) {
        putRow(database.applications, {
          ...application,
          policies: application.policies.filter((attached) => attached.id !== id),
        });
      }
      database.policies.delete(id);
    },
  },
  {
    title: "An application was deleted by hand",
    fromFleet: true,
    happen: ({ standIn: { database } }) => {
      database.applications.delete(firstOf(database.applications).id);
    },
  },
  {
    title: "The tunnel was deleted by hand",
    quick: "pulumi",
    fromFleet: true,
    configuration: { ...alerts, protect: true },
    happen: async (fleet) => {
      await deleteTunnel(fleet);
    },
  },
  {
    title: "A DNS record was deleted by hand",
    fromFleet: true,
    happen: ({ standIn: { database } }) => {
      database.dnsRecords.delete(firstOf(database.dnsRecords).id);
    },
  },
  {
    title: "A service token was disabled by hand",
    fromFleet: true,
    happen: ({ standIn: { database } }) => {
      putRow(database.serviceTokens, { ...firstOf(database.serviceTokens), enabled: false });
    },
  },
  {
    title: "An application was edited by hand",
    fromFleet: true,
    happen: ({ standIn: { database } }) => {
      const application = firstOf(database.applications);
      putRow(database.applications, { ...application, service_auth_401_redirect: false });
    },
  },
  {
    title: "The ingress rules were edited by hand",
    fromFleet: true,
    happen: ({ standIn: { database } }) => {
      const tunnel = firstOf(database.tunnels);
      putRow(database.tunnels, {
        ...tunnel,
        configuration: { ...tunnel.configuration, config: { ingress: [{ service: "http_status:404" }] } },
      });
    },
  },
  {
    title: "A DNS record was edited by hand",
    fromFleet: true,
    happen: ({ standIn: { database } }) => {
      putRow(database.dnsRecords, { ...firstOf(database.dnsRecords), proxied: false });
    },
  },
  // The machine.
  {
    title: "Two runs at the same time",
    quick: "pulumi",
    happen: async (fleet) => {
      const reached = new Promise((resolve) => {
        fleet.standIn.inject({ ...creations.token, latencyMs: 12_000, onHit: resolve });
      });
      othersRun = fleet.up();
      await reached;
    },
    byHand: {
      "wait until the other run has ended": async () => {
        await othersRun;
      },
    },
  },
  {
    title: "The disk that holds the state is full",
    fromFleet: true,
    absence: (engine) =>
      realEngineAlone(engine) ??
      (process.platform === "linux" && process.getuid?.() === 0
        ? undefined
        : "a small disk takes root on Linux"),
    happen: (fleet) => {
      fleet.putSite("kyoto");
      fullDisk.fill(fleet);
    },
    byHand: { "make room on the disk": fullDisk.free },
    cleanUp: fullDisk.unmount,
  },
];
