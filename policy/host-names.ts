/** A host name as others write it too: in small letters, in ASCII, without a dot at the end. */
export function hostNameOf(text: string): string {
  const name = text.toLowerCase().replace(/\.$/, "");
  const address = `http://${name}`;
  return /^[^/?#@:]+$/.test(name) && URL.canParse(address) ? new URL(address).hostname : name;
}
