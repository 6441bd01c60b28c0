import { it } from "node:test";
import { enginesHere } from "../support/engines";
import { documentedFaults, tellingLines, comparable } from "./documented";
import { faults } from "./fault-table";
import { runFault } from "./run-fault";
const engine = enginesHere[Number(process.env.ENGINE ?? 0)];
const part = new RegExp(process.env.PART ?? ".");
for (const fault of faults.filter(({ title }) => part.test(title)))
  it(fault.title, async () => {
    if (engine === undefined) return;
    const absent = fault.absence?.(engine.name);
    if (absent) {
      console.log("ABSENT", fault.title, absent);
      return;
    }
    const docs = documentedFaults().get(fault.title) ?? [];
    console.log("### " + fault.title);
    try {
      const t = Date.now();
      const { steps, ...losses } = await runFault(engine, fault, docs);
      docs.forEach((d, i) => {
        const s = steps[i];
        console.log((d.byHand ? "# " : "$ ") + d.command + (s ? "   => " + s.exitCode : ""));
        if (s) for (const l of tellingLines(s.text)) console.log(l);
        if (process.env.FULL && s)
          console.log(
            s.text
              .split("\n")
              .map(comparable)
              .map((x) => "   | " + x)
              .join("\n"),
          );
      });
      console.log(JSON.stringify(losses), Date.now() - t);
    } catch (e) {
      console.log("FAILED", e);
    }
  });
