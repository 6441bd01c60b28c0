/**
 * Splits an import ID into the parts that the provider asks for (terraform-provider-cloudflare v5,
 * internal/importpath/importpath.go; facts/pulumi.md §3).
 *
 * @param form such as `accounts/<account_id>/<service_token_id>`: words stand for themselves.
 * @returns what stands for the words in brackets, in their order.
 */
export function importIdParts(importId: string, form: string): readonly [string, string] {
  const wanted = form.split("/");
  const given = importId.split("/");
  const parts = given.filter((_, index) => wanted[index]?.startsWith("<"));
  const [first, second] = parts;
  const fits =
    given.length === wanted.length &&
    wanted.every((word, index) => word.startsWith("<") || word === given[index]);
  if (!fits || first === undefined || second === undefined || parts.includes("")) {
    throw new Error(`invalid ID "${importId}": expected segments "${form}"`);
  }
  return [first, second];
}
