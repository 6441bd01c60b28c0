import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { listOf } from "../collectors/common/refusals-and-notes";
import type { RelayName } from "../collectors/relay/relay";
import { relays } from "../collectors/relay/relays";
import type { Problem } from "../fleet/problem";
import { defaultRelay, relayNames } from "../fleet/relay-names";
import type { Site } from "../fleet/sites";
import { someOf } from "../fleet/wording";
import { renderedBefore, siteFolder } from "./rendered-folder";

/** Where the relay listens on the site's loopback, unless that is in use. */
const defaultRelayPort = 9480;

/** What the command line says of relays: true is the site file's own, or else the default; false is none; undefined is nothing. */
export type AskedRelay = RelayName | boolean | undefined;

/** A site, and the relay that it is rendered with now. */
interface SiteAndRelay {
  readonly site: Pick<Site, "name" | "file" | "relay">;
  readonly relay: RelayName | undefined;
}

/** Which relay a site is to have: what was asked for on the command line wins over its file. */
export function relayOf(site: Pick<Site, "relay">, asked: AskedRelay): RelayName | undefined {
  return asked === true ? (site.relay ?? defaultRelay) : asked === false ? undefined : (asked ?? site.relay);
}

/** The relay that a site's folder was rendered with. */
function relayBefore({ site }: SiteAndRelay, out: string): RelayName | undefined {
  const files = renderedBefore(join(out, site.name), siteFolder);
  return relayNames.find((name) => files.includes(relays[name].configurationFile));
}

/** Rendering again, as after a rotation, takes no protection away that was once asked for. */
export function lostRelay(one: SiteAndRelay, out: string): readonly Problem[] {
  const before = relayBefore(one, out);
  return before === undefined || one.relay !== undefined
    ? []
    : [
        {
          subject: join(out, one.site.name),
          says: `was rendered behind the relay, which ${one.site.file} does not name, and without it most collectors lose what is refused`,
          todo: `Write relay: ${before} into ${one.site.file}; or pass --relay ${before}, or --no-relay to take the relay out`,
        },
      ];
}

/**
 * What a person has to know who did not mean it. Both kinds are one unit, so that at the site the one takes the place of the other; but
 * its program, or the port, has to be there.
 */
export function changedRelay(one: SiteAndRelay, out: string, asked: number | undefined): readonly Problem[] {
  const before = relayBefore(one, out);
  const after = one.relay;
  if (before === undefined || after === undefined) {
    return [];
  }
  const subject = join(out, one.site.name);
  const [from, to] = [relays[before].title, relays[after].title];
  const portBefore = installedPort(subject);
  const port = relayPortOf(asked, subject);
  return listOf(
    before !== after && {
      subject,
      says: `its relay was ${from} and is ${to} now`,
      todo: `Install ${to} at the site first. It takes ${from}'s place with the restart that install.sh names`,
    },
    portBefore !== undefined &&
      portBefore !== port && {
        subject,
        says: `its relay listened on port ${portBefore} and listens on ${port} now`,
        todo: `Where ${port} is in use at the site, pass --relay-port ${portBefore} again`,
      },
  );
}

/**
 * Where the relay of a site is to listen: what was asked for on the command line, or else where its folder has it listen already.
 *
 * @param folder undefined where no folder is rendered.
 */
export const relayPortOf = (asked: number | undefined, folder: string | undefined): number =>
  asked ?? (folder === undefined ? undefined : installedPort(folder)) ?? defaultRelayPort;

/** The port of the relay that a rendered folder installs; undefined where its script is another one's, or gone. */
function installedPort(folder: string): number | undefined {
  const script = join(folder, "install.sh");
  const text = existsSync(script) ? readFileSync(script, "utf8") : "";
  const digits = /^relay_port=(\d+)$/m.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Where an option says something else than the files, later renders without it go by the files again. */
export function passingRelay(planned: readonly SiteAndRelay[], asked: AskedRelay): readonly Problem[] {
  const others = asked === undefined ? [] : planned.filter(({ site, relay }) => relay !== site.relay);
  const [first] = others;
  if (first === undefined) {
    return [];
  }
  const files = someOf(others.map(({ site }) => site.file));
  return [
    first.relay === undefined
      ? {
          subject: "--no-relay",
          says: `leaves out the relay that ${files} ${others.length === 1 ? "names" : "name"}`,
          todo: "Take the key relay out there, or the next render brings it back",
        }
      : {
          subject: "--relay",
          says: `is ${first.relay}, and ${files} ${others.length === 1 ? "does" : "do"} not say so`,
          todo: `Write relay: ${first.relay} there, so that nobody has to remember the option`,
        },
  ];
}
