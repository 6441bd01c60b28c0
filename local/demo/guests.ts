import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Sites that the demo adds to its copy of the project, to show what is refused. */
export interface Guests {
  readonly rotated: string;
  readonly disabled: string;
  readonly removed: string;
  readonly expiring: string;
}

/** How long the expiring guest's token lasts, and the rotated one's old secret, in milliseconds of the stand-in's clock. */
export const shortLife = { token: 3_600_000, previousSecret: 1_800_000 };

/** Writes the guests' files beside the shipped ones. */
export function inviteGuests(directory: string): Guests {
  const file = (name: string) => join(directory, "sites", `${name}.yaml`);
  const free = (name: string): string => (existsSync(file(name)) ? free(`${name}-again`) : name);
  const guests = {
    rotated: free("demo-rotated"),
    disabled: free("demo-disabled"),
    removed: free("demo-removed"),
    expiring: free("demo-expiring"),
  };
  for (const name of [guests.rotated, guests.disabled, guests.removed]) {
    writeFileSync(file(name), "");
  }
  writeFileSync(file(guests.expiring), `token: { duration: ${shortLife.token / 60_000}m }\n`);
  return guests;
}

/** Changes the guests' files: one secret is rotated, one site shut out, one removed. */
export function changeGuests(directory: string, guests: Guests, now: Date): void {
  const file = (name: string) => join(directory, "sites", `${name}.yaml`);
  const until = new Date(now.getTime() + shortLife.previousSecret).toISOString();
  writeFileSync(file(guests.rotated), `token: { secretVersion: 2, previousSecretExpiresAt: ${until} }\n`);
  writeFileSync(file(guests.disabled), "token: { enabled: false }\n");
  rmSync(file(guests.removed));
}
