// Logs of the scene's pods, which no node runs: what a training step prints.
import { aborted } from "@capstan/base/async";
import type { ExtensionFactory } from "@capstan/cluster/apiserver";

const rounds = Array.from({ length: 40 }, (_, i) => {
  const loss = (1.0986 * 0.88 ** (i + 1) + 0.04).toFixed(4);
  return `round ${String(i + 1).padStart(2)}  loss ${loss}  held-out ${(Number(loss) + 0.011).toFixed(4)}`;
});
const text = [
  "reading /capstan/in/table: 275 rows, 7 columns",
  "label species: Adelie 122, Chinstrap 54, Gentoo 99",
  "warning: 2 rows have no value in bill_length_mm",
  ...rounds,
  "stopped early: no gain in 10 rounds",
  "wrote /capstan/out/model",
  "",
].join("\n");

export function createPodLogs(): ExtensionFactory {
  return () => ({
    endpoints: [
      {
        group: "",
        version: "v1",
        resource: "pods",
        subresource: "log",
        async connect({ request, info }) {
          const headers = { "content-type": "text/plain" };
          if (info.query.get("follow") !== "true" || info.name.includes("8k2pq"))
            return { status: 200, headers, body: text };
          return { status: 200, headers, body: endless(request.signal) };
        },
      },
    ],
  });
}

async function* endless(signal: AbortSignal): AsyncIterable<Uint8Array> {
  yield Buffer.from(text);
  await aborted(signal);
}
