import { createOneTimeLogin, loginUrl } from "@capstan/console/server";
import type { Running } from "../platform/platform.ts";
import type { Settings } from "../platform/settings.ts";
import type { Progress } from "./progress.ts";
import { quickstartDone, runQuickstart } from "./quickstart.ts";

/** On the first start runs the quickstart; then says how to go on: the console, kubectl, and a prediction. */
export async function welcome(running: Running, settings: Settings, progress: Progress, signal: AbortSignal) {
  const { directory } = settings;
  const marker = directory.path("quickstart.json");
  if (settings.quickstart && !quickstartDone(marker)) {
    const { client, examples, artifacts } = running;
    await runQuickstart({ client, examples, artifacts, marker, progress, signal });
  }
  const login = loginUrl(running.consolePort, await createOneTimeLogin(directory.root));
  const lines = [`\nConsole   ${login}`, `kubectl   KUBECONFIG=${directory.kubeconfig} kubectl get pods -A`];
  if (quickstartDone(marker)) lines.push(`Predict   ${await curlLine(running)}`);
  process.stdout.write(`${lines.join("\n")}\n\nCtrl-C stops everything; nothing is lost.\n`);
}

/** The raw columns of one penguin of the table's own; the model answers species and probabilities. */
const penguin = {
  island: "Biscoe",
  bill_length_mm: 46.1,
  bill_depth_mm: 13.2,
  flipper_length_mm: 211,
  body_mass_g: 4500,
  sex: "female",
};

async function curlLine({ gatewayPort, gatewayTokenFile }: Running): Promise<string> {
  const url = `http://penguins-quickstart.localhost:${gatewayPort}/v1/models/penguins:predict`;
  const body = JSON.stringify({ instances: [penguin] });
  return `curl -H "Authorization: Bearer $(cat ${gatewayTokenFile})" ${url} -d '${body}'`;
}
