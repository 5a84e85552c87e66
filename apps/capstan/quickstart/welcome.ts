import { createOneTimeLogin, loginUrl } from "@capstan/console/server";
import type { Running } from "../platform/platform.ts";
import type { Settings } from "../platform/settings.ts";
import { modelUrl, waitForModel } from "./model.ts";
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
  const served = quickstartDone(marker) && (await awaitModel(running, progress, signal));
  const login = loginUrl(running.consolePort, await createOneTimeLogin(directory.root));
  const lines = [`\nConsole   ${login}`, `kubectl   KUBECONFIG=${directory.kubeconfig} kubectl get pods -A`];
  if (served) lines.push(`Predict   ${curlLine(running)}`);
  process.stdout.write(`${lines.join("\n")}\n\nCtrl-C stops everything; nothing is lost.\n`);
}

async function awaitModel(running: Running, progress: Progress, signal: AbortSignal): Promise<boolean> {
  progress.running("model server");
  const served = await waitForModel(running, signal);
  if (served) progress.done("the model answers");
  return served;
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

function curlLine(running: Running): string {
  const body = JSON.stringify({ instances: [penguin] });
  return `curl -H "Authorization: Bearer $(cat ${running.gatewayTokenFile})" ${modelUrl(running)}:predict -d '${body}'`;
}
