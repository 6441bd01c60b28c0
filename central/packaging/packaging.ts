import type { RenderedFile } from "../../collectors/collector";
import {
  type CentralHost,
  type CentralProgram,
  type Places,
  type ProgramName,
  type SecretName,
} from "../central-host";
import { secretNamesOf } from "../several-stacks";

/** How the programs of a central host are run: as containers, or as units of systemd. */
export type PackagingName = "compose" | "systemd";

/** What a folder is rendered from. */
export interface PackagedHost {
  readonly central: CentralHost;
  /** Those that run, in the order in which they are started. */
  readonly programs: readonly CentralProgram[];
  /** The gate stands before stores that are there already, and their own connector leads to it. */
  readonly onlyGate: boolean;
  /** Absolute path of the folder on the central host. */
  readonly folder: string;
  /** Absolute path of the project's checkout on the central host, from which the timers run. */
  readonly checkout: string;
  /** Whose the folder is. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** One way of running the programs. */
export interface Packaging {
  /** Where everything is, as one program sees it. */
  readonly placesOf: (program: Pick<CentralProgram, "name" | "stack">) => Places;
  /** What lies beside the programs' own files; README and timers not among them. */
  readonly render: (host: PackagedHost) => readonly RenderedFile[];
  /** Absolute path of the folder with the gate's sockets, as the central host itself sees it. */
  readonly runDirectory: (folder: string) => string;
  /** Absolute path of the folder of `*.prom` files, likewise. */
  readonly textfiles: (folder: string) => string;
  /** Absolute path of the folder of the rendered files that are run from. */
  readonly installed: (folder: string) => string;
}

/** By which a program that runs takes its files in again; the others are restarted, or look by themselves. */
export const reloadSignals: Readonly<Partial<Record<ProgramName, string>>> = {
  // The master starts a new worker (HAProxy management guide, 4).
  gate: "USR2",
  prometheus: "HUP",
  alertmanager: "HUP",
  vmagent: "HUP",
  alloy: "HUP",
};

/** Every program's own files. */
export const programFiles = ({ central, programs }: PackagedHost, packaging: Packaging): RenderedFile[] =>
  programs.flatMap((program) => [...program.files(central, packaging.placesOf(program))]);

/** The secrets that a program is given: those whose path stands in its files or in its command, and no other. */
export function secretsOf(
  program: CentralProgram,
  central: CentralHost,
  packaging: Packaging,
): readonly SecretName[] {
  const places = packaging.placesOf(program);
  const { args, environment } = program.command(central, places);
  const texts = [
    ...program.files(central, places).map(({ content }) => content),
    ...args,
    ...Object.values(environment),
  ];
  return secretNamesOf(central).filter((name) =>
    texts.some((text) =>
      text
        .split(`${places.credentials}/${name}`)
        .slice(1)
        .some((rest) => !/^[\w.-]/.test(rest)),
    ),
  );
}

/** Whether a program has files of its own, which it finds in the folder of its place. */
export const hasFiles = (program: CentralProgram, central: CentralHost, packaging: Packaging): boolean =>
  program.files(central, packaging.placesOf(program)).length > 0;

export const plainFile = (path: string, content: string): RenderedFile => ({ path, mode: 0o644, content });
