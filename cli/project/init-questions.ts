import { autocomplete, confirm, isCancel, select, spinner, text } from "@clack/prompts";
import type { Ask, Question } from "../../operate/project/choose-values";
import type { Dialog } from "../terminal";

/** A person has ended it with Ctrl-C or Escape. */
export class Cancelled extends Error {}

/** More than this fit on no screen: a person types a part of the name. */
const mostAtOnce = 12;

/** Asks a person on a terminal. */
export function askOn(dialog: Dialog, abort: AbortSignal): Ask {
  assumeSize(dialog);
  const place = { ...dialog, signal: abort };
  return async (question) => {
    const { title, choices, current, proposal } = question;
    if (choices.length > 0) {
      const options = [
        ...choices.map(({ value, about }) => ({ value, label: about === "" ? value : `${value}  ${about}` })),
        { value: "", label: "another one" },
      ];
      const initialValue = current ?? proposal ?? choices[0]?.value;
      const shared = { ...place, message: title, options, initialValue };
      const chosen = await (choices.length > mostAtOnce
        ? autocomplete({ ...shared, maxItems: mostAtOnce })
        : select(shared));
      if (isCancel(chosen)) {
        throw new Cancelled();
      }
      if (chosen !== "") {
        return chosen;
      }
    }
    const typed = await text({
      ...place,
      message: title,
      initialValue: current ?? proposal ?? "",
      validate: (value = "") => wrongText(question, value.trim()),
    });
    if (isCancel(typed)) {
      throw new Cancelled();
    }
    return typed.trim();
  };
}

/** A serial line or a bare pseudo-terminal says that it has no columns, and every letter would be put on a line of its own. */
function assumeSize({ output }: Dialog): void {
  output.columns = output.columns > 0 ? output.columns : 80;
  output.rows = output.rows > 0 ? output.rows : 24;
}

function wrongText({ optional, problemOf }: Question, value: string): string | undefined {
  if (value === "") {
    return optional ? undefined : "A value is needed.";
  }
  const wrong = problemOf(value);
  return wrong === undefined ? undefined : `This ${wrong}.`;
}

/** Shows that something takes its time. */
export function waitingOn({ output }: Dialog, what: string): (isRunning: boolean) => void {
  const wait = spinner({ output });
  return (isRunning) => {
    if (isRunning) {
      wait.start(what);
    } else {
      wait.clear();
    }
  };
}

/** @returns false when the person says no, or ends it. */
export async function confirmOn(dialog: Dialog, abort: AbortSignal, message: string): Promise<boolean> {
  return (await confirm({ ...dialog, signal: abort, message })) === true;
}
