/** A test for texts: `*` stands for any text, `?` for any one character, everything else for itself. */
export function globTest(glob: string): (text: string) => boolean {
  const source = glob
    .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const pattern = new RegExp(`^${source}$`, "su");
  return (text) => pattern.test(text);
}
