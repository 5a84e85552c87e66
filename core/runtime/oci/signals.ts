import { constants } from "node:os";
import { RuntimeError } from "../cri.ts";

const last = 64;
// The C library keeps two of the kernel's real-time signals for itself.
const realtime = { RTMIN: 34, RTMAX: 64 };

/** The number of `SIGQUIT`, `QUIT`, `3` or `SIGRTMIN+3`, as images write signals. */
export function signalNumber(text: string): number {
  const name = text.toUpperCase().replace(/^SIG/, "");
  const [, base = "", offset = "0"] = /^(RTMIN|RTMAX)([+-]\d{1,2})?$/.exec(name) ?? [];
  const known = constants.signals[`SIG${name}` as NodeJS.Signals] as number | undefined;
  const found = base ? realtime[base as keyof typeof realtime] + Number(offset) : (known ?? Number(name || Number.NaN));
  if (Number.isInteger(found) && found >= 1 && found <= last) return found;
  throw new RuntimeError("InvalidImage", `the image's StopSignal "${text.slice(0, 50)}" is not a signal`);
}
