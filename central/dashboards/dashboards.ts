import type { RenderedFile } from "../../collectors/collector";
import type { CentralHost } from "../central-host";

export const dashboardFiles = (_central: CentralHost): readonly RenderedFile[] => [];
