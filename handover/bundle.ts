import { posix } from "node:path";
import { buffer } from "node:stream/consumers";
import { Encrypter } from "age-encryption";
import { pack } from "tar-stream";
import type { RenderedFile } from "../collectors/collector";
import type { BundleRecipient } from "./recipients";
import { foldersOf } from "./site-files";

interface BundleInput {
  readonly site: string;
  readonly files: readonly RenderedFile[];
  /** Each of them can open it; at least one. */
  readonly recipients: readonly BundleRecipient[];
}

/** Seals a site's files for handing over: a tar of one folder, named like the site, encrypted with age. */
export async function sealBundle({ site, files, recipients }: BundleInput): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    encrypter.addRecipient(recipient);
  }
  return encrypter.encrypt(await siteTar(site, files));
}

/** The same files give the same bytes. Secrets lie as plain files here: install.sh makes the links at the site. */
export async function siteTar(site: string, files: readonly RenderedFile[]): Promise<Buffer> {
  const tar = pack();
  // Root's and of no particular day, whoever renders and whenever; not 1970, which tar warns of.
  const same = { uid: 0, gid: 0, uname: "root", gname: "root", mtime: new Date("2000-01-01T00:00:00Z") };
  for (const folder of ["", ...foldersOf(files.map(({ path }) => path))]) {
    tar.entry({ ...same, type: "directory", name: `${posix.join(site, folder)}/`, mode: 0o700 });
  }
  for (const { path, mode, content } of [...files].sort((one, other) => (one.path < other.path ? -1 : 1))) {
    tar.entry({ ...same, name: `${site}/${path}`, mode }, content);
  }
  tar.finalize();
  return buffer(tar);
}
