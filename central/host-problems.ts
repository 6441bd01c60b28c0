import { listOf } from "../collectors/common/refusals-and-notes";
import { gateDirectory, gateSocket } from "../fleet/config";
import { isLoopback } from "../fleet/names";
import type { Problem } from "../fleet/problem";
import { wouldBeCommitted } from "../handover/rendered-folder";
import { defaultPorts, type CentralHost } from "./central-host";
import type { PackagedHost, PackagingName } from "./packaging/packaging";
import { projectName } from "./packaging/compose";
import { packagings } from "./packaging/packagings";
import { ownLabels } from "./stores/addresses";

/** How it is rendered, and where to: what messages speak of. */
interface Rendering {
  readonly as: PackagingName;
  readonly out: string;
}

/** Loopback of a container is its own. */
const leadsToLoopback = (url: URL): boolean => isLoopback(url.hostname.replace(/^\[|\]$/g, ""));

/** What keeps this host from being rendered. */
export function hostProblems(
  { central, onlyGate, folder, checkout }: PackagedHost,
  { as }: Rendering,
): readonly Problem[] {
  const { identity, ownStores, signals, siteLabel } = central;
  const quoted = (option: string, path: string): Problem | undefined =>
    /^(?:\/[\w.@+-]+)+$/.test(path)
      ? undefined
      : {
          subject: option,
          says: `is "${path}", and Docker, the shell and systemd quote paths differently`,
          todo: "Name a path of letters, digits and ._@+- alone",
        };
  return listOf<Problem>(
    quoted("--out", folder),
    quoted("--checkout", checkout),
    ownLabels.includes(siteLabel) && {
      subject: "sitepass:siteLabel",
      says: `is "${siteLabel}", which means something else in the rules of the central host`,
      todo: "Rename it, such as to site_name",
    },
    onlyGate &&
      identity === "off" && {
        subject: "--only",
        says: "is gate, and sitepass:identity is off, which has none",
        todo: "Set sitepass:identity to label or tenant, or leave it out",
      },
    ...(onlyGate
      ? signals
          .filter(({ signal }) => ownStores[signal] === undefined)
          .map(({ signal }) => ({
            subject: "--only",
            says: `is gate, and sitepass:central names no store of yours for ${signal}`,
            todo: `Set stores.${signal}.url in it, as in http://${signal === "metrics" ? "mimir:8080/api/v1/push" : "loki:3100/loki/api/v1/push"}`,
          }))
      : []),
    ...signals.map(({ signal }) => {
      const url = ownStores[signal]?.url;
      return (
        as === "compose" &&
        url !== undefined &&
        leadsToLoopback(url) && {
          subject: `sitepass:central.stores.${signal}.url`,
          says: `is ${url.href}, and in a container ${url.hostname} is the container itself`,
          todo: "Write host.docker.internal in its place, and let the store listen there; or render with --as systemd",
        }
      );
    }),
  );
}

/** What is configured and would do nothing, or less than it seems to. */
export function configurationWarnings({ central, programs }: PackagedHost): readonly Problem[] {
  const { identity, ownStores, mail, alertEmails, secrets } = central;
  const subject = "sitepass:central.mail";
  const tellsOfAlarms = programs.some(({ name }) => name === "alertmanager");
  return listOf<Problem>(
    identity === "tenant" &&
      ownStores.metrics?.takesExtraLabel === false &&
      ownStores.metrics.url.pathname.endsWith("/api/v1/write") && {
        subject: "sitepass:central.stores.metrics.url",
        says: `is ${ownStores.metrics.url.href}, the path of Prometheus, which has no tenants, so that any site can write as any other`,
        todo: "Set sitepass:identity to label, unless what stands there goes by X-Scope-OrgID",
      },
    tellsOfAlarms &&
      mail?.user !== undefined &&
      !secrets.has("mail-password") && {
        subject,
        says: "names a user, and credentials/mail-password is not there, so that no alarm is sent by e-mail",
        todo: "Put the password there and render again, or leave the user out",
      },
    tellsOfAlarms &&
      mail !== undefined &&
      alertEmails.length === 0 && {
        subject,
        says: "names a server, and sitepass:alertEmails names nobody, so that no alarm is sent by e-mail",
        todo: "Set sitepass:alertEmails, or leave mail out",
      },
  );
}

/** Where the tunnel leads, against where it has to for what was rendered. */
export function originWarnings(host: PackagedHost, { as, out }: Rendering): readonly Problem[] {
  const { central, onlyGate, folder, programs } = host;
  const sockets = onlyGate ? packagings[as].runDirectory(folder) : gateDirectory;
  return originsOf(central).flatMap(({ stack, signal, origin }) => {
    const subject = `${stack === undefined ? "" : `stack ${stack}: `}sitepass:endpoints.${signal}.origin`;
    if (central.identity !== "off") {
      const wanted = `unix:${gateSocket(signal, sockets)}`;
      return origin === wanted
        ? []
        : {
            subject,
            says: `leads to ${origin} as the last \`up\` left it, ${origin.startsWith("unix:") ? "where this gate does not listen" : "past the gate, so that any site can write as any other"}`,
            todo: `Start what is in ${out} first; when the gate runs, make it ${wanted}, and run \`pulumi up\`: in this order no push is lost`,
          };
    }
    const program = signal === "metrics" ? ("prometheus" as const) : ("loki" as const);
    const runsHere = programs.some(({ name }) => name === program);
    const store =
      central.ownStores[signal]?.url.origin ??
      `http://${as === "compose" ? program : "localhost"}:${defaultPorts[program].http}`;
    if (origin.startsWith("unix:")) {
      return {
        subject,
        says: `leads to the gate's socket (${origin}), and with sitepass:identity off there is no gate`,
        todo: `Leave the gate running, make it ${store}, and run \`pulumi up\`; stop the gate after that`,
      };
    }
    return as === "compose" && runsHere && leadsToLoopback(new URL(origin))
      ? {
          subject,
          says: `leads to ${origin}, and cloudflared in its container finds nothing there`,
          todo: `Make it ${store}, and run \`pulumi up\``,
        }
      : [];
  });
}

/** Of several stacks each has a tunnel, and so origins, of its own. */
const originsOf = ({ stacks, signals }: CentralHost) =>
  stacks === undefined
    ? signals.map((signal) => ({ ...signal, stack: undefined }))
    : stacks.flatMap((stack) => stack.signals.map((signal) => ({ ...signal, stack: stack.name })));

/**
 * What runs by the other way of running, which the folder was rendered for before, and whose files are gone from it now.
 *
 * @param before relative paths of what was rendered there.
 * @param files likewise, of what is rendered now.
 */
export function otherWayWarnings(
  { central }: PackagedHost,
  { as, out }: Rendering,
  before: readonly string[],
  files: readonly string[],
): readonly Problem[] {
  if (as === "systemd" && before.includes("compose.yaml")) {
    return [
      {
        subject: out,
        says: "was rendered for Docker Compose before, and its containers go on running, with their ports and their data",
        todo: `Stop them before install.sh with \`docker compose --project-name ${projectName(central.stackName)} down\``,
      },
    ];
  }
  if (as === "compose" && before.includes("install.sh")) {
    const units = before
      .filter((path) => path.startsWith("systemd/") && !files.includes(path))
      .map((path) => path.slice("systemd/".length));
    return [
      {
        subject: out,
        says: "was rendered for systemd before, and what install.sh installed goes on running, with its ports and its data",
        todo: `Stop it before the containers with \`sudo systemctl disable --now ${units.join(" ")}\``,
      },
    ];
  }
  return [];
}

/** What is wrong with the folder, but does not keep it from being used. */
export function folderWarnings(
  { owner, programs }: PackagedHost,
  { as, out }: Rendering,
): readonly Problem[] {
  return listOf<Problem>(
    as === "compose" &&
      owner.uid === 0 && {
        subject: out,
        says: "belongs to root, so that cloudflared and the gate run as root in their containers",
        todo: "Render as a user of its own, such as sitepass, unless Docker here is rootless",
      },
    programs.some(({ name }) => name !== "gate") &&
      wouldBeCommitted(out) && {
        subject: out,
        says: "lies in a git work tree and is not ignored, so that secrets would be committed",
        todo: "Add it to .gitignore, or name another folder with --out",
      },
  );
}
