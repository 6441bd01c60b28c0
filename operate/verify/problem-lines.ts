import { problemText } from "../../fleet/problem";
import { fleetProblems, type FleetVerdict } from "./verdict";

/** The problems as sentences, for `rotate --confirm` as long as it works on those. */
export const problemLines = (verdict: FleetVerdict): readonly string[] =>
  fleetProblems(verdict).map(problemText);
