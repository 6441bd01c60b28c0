/** Letters that Unicode does not take apart into a Latin one and its mark. */
const spelledOut: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  ł: "l",
  đ: "d",
  ð: "d",
  þ: "th",
  ı: "i",
};

/**
 * The site name that a service token's name suggests, such as `tokyo-rack-a` for `Tokyo, rack A`: accents go, and whatever
 * is neither letter nor digit becomes a hyphen. May be no DNS label, and is empty for a name in another script.
 */
export function suggestedSiteName(tokenName: string): string {
  return tokenName
    .toLowerCase()
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/./gu, (letter) => spelledOut[letter] ?? letter)
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
}
