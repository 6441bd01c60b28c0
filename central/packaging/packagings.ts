import { compose } from "./compose";
import type { Packaging, PackagingName } from "./packaging";
import { systemd } from "./systemd";

export const packagings: Readonly<Record<PackagingName, Packaging>> = { compose, systemd };
