import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Credentials } from "../../collectors/collector";
import type { RelayInput, RelayName } from "../../collectors/relay/relay";
import { relays } from "../../collectors/relay/relays";
import { freePort, startService } from "./processes";
import { writeSite } from "../../handover/site-folder";

/** Why a kind of relay cannot run here; undefined when it can. */
export function relayAbsent(name: RelayName): string | undefined {
  const versionArgument = { nginx: "-v", caddy: "version" }[name];
  return spawnSync(name, [versionArgument]).status === 0
    ? undefined
    : `${name} not on PATH: apt-get install ${name}`;
}

/** A relay that runs with its rendered files as its unit would run it, but without the unit's sandbox. */
export interface RelayProgram {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /** Where its files are installed. */
  readonly directory: string;
  /** All that it printed so far. */
  readonly text: () => string;
  /**
   * Replaces the credentials as the installer does, and reloads as the unit does, until every push has the new ones. Rejects
   * when the relay refuses the files.
   */
  readonly rotate: (credentials: Credentials) => Promise<void>;
  /** Ends it and deletes its files. */
  readonly close: () => Promise<void>;
}

export async function startRelayProgram(
  name: RelayName,
  given: Pick<RelayInput, "endpoints" | "credentials" | "caBundle" | "tenant">,
): Promise<RelayProgram> {
  const home = mkdtempSync(join(tmpdir(), "sitepass-relay-"));
  // nginx's workers run as the user `nobody`, and must reach the request bodies that they buffer here.
  chmodSync(home, 0o711);
  const directory = join(home, "installed");
  const runtimeDirectory = join(home, "run");
  mkdirSync(runtimeDirectory);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const install = (credentials: Credentials): void => {
    const input = { ...given, credentials, directory, port, runtimeDirectory };
    writeSite(directory, "relay", relays[name].render(input));
  };
  install(given.credentials);
  const programs = programsOf(name, join(directory, "relay"), runtimeDirectory);
  const service = await startService(programs.start[0], programs.start.slice(1), `${url}/ready`).catch(
    (error: unknown) => {
      rmSync(home, { recursive: true, force: true });
      throw error;
    },
  );
  return {
    url,
    port,
    directory,
    text: service.text,
    rotate: async (credentials) => {
      install(credentials);
      const before = name === "nginx" ? nginxWorkers(runtimeDirectory) : [];
      for (const [program, ...args] of programs.reload) {
        const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
        if (status !== 0) {
          throw new Error(`${name} refuses to reload:\n${stderr}`);
        }
      }
      // nginx's old workers go on taking pushes for a moment after the new ones have started.
      while (before.some((worker) => nginxWorkers(runtimeDirectory).includes(worker))) {
        await delay(10);
      }
    },
    close: async () => {
      await service.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Process IDs of nginx's workers (Linux' proc(5)). */
function nginxWorkers(runtimeDirectory: string): readonly string[] {
  const master = readFileSync(join(runtimeDirectory, "nginx.pid"), "utf8").trim();
  return readFileSync(`/proc/${master}/task/${master}/children`, "utf8").trim().split(" ");
}

type Command = readonly [program: string, ...args: string[]];

/** As the units in collectors/relay say it. */
function programsOf(
  name: RelayName,
  folder: string,
  runtimeDirectory: string,
): { readonly start: Command; readonly reload: readonly Command[] } {
  if (name === "nginx") {
    const nginx = [
      "nginx",
      "-e",
      "stderr",
      "-p",
      runtimeDirectory,
      "-c",
      join(folder, "nginx.conf"),
    ] as const;
    return {
      start: [...nginx, "-g", "daemon off;"],
      reload: [
        [...nginx, "-t", "-q"],
        [...nginx, "-s", "reload"],
      ],
    };
  }
  const environment = [`XDG_CONFIG_HOME=${runtimeDirectory}`, `XDG_DATA_HOME=${runtimeDirectory}`] as const;
  const files = ["--adapter", "caddyfile", "--config", join(folder, "Caddyfile")] as const;
  return {
    start: ["env", ...environment, "caddy", "run", ...files],
    reload: [["caddy", "reload", ...files, "--address", `unix/${runtimeDirectory}/admin.sock`]],
  };
}
