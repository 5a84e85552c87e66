import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { EndpointSlices } from "@capstan/api/generated/resources";
import { InferenceServices } from "@capstan/api/kinds/serving";
import { isReason } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";

export const quickstartModel = { namespace: "quickstart", name: "penguins" };

export interface ModelAccess {
  client: Client;
  gatewayPort: number;
  gatewayTokenFile: string;
}

/** The model's address at the gateway, as curl and browsers resolve it. */
export function modelUrl({ gatewayPort }: ModelAccess): string {
  const { namespace, name } = quickstartModel;
  return `http://${name}-${namespace}.localhost:${gatewayPort}/v1/models/${name}`;
}

/**
 * Resolves when the model answers at the gateway; false when there is no such service (any more). What an object says may
 * be from before the last stop, so the model itself is asked, each time the endpoints of its service change.
 */
export async function waitForModel(access: ModelAccess, signal: AbortSignal): Promise<boolean> {
  const { client } = access;
  const { namespace, name } = quickstartModel;
  if (!(await client.find(InferenceServices, quickstartModel))) return false;
  const labelSelector = `kubernetes.io/service-name=${name}-predictor`;
  while (!signal.aborted) {
    const stop = new AbortController();
    try {
      const options = { namespace, labelSelector, signal: AbortSignal.any([signal, stop.signal]) };
      for await (const _ of client.watch(EndpointSlices, options)) if (await answers(access)) return true;
    } catch (error) {
      if (!isReason(error, "Expired", "Gone")) throw error;
    } finally {
      stop.abort();
    }
  }
  throw signal.reason;
}

async function answers(access: ModelAccess): Promise<boolean> {
  const url = new URL(modelUrl(access));
  const token = await readFile(access.gatewayTokenFile, "utf8");
  return new Promise((resolve) => {
    const headers = { host: url.host, authorization: `Bearer ${token}` };
    const asked = request(
      { host: "127.0.0.1", port: url.port, path: url.pathname, headers, agent: false },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      },
    );
    // Not there yet: the next change of the endpoints asks again.
    asked.on("error", () => resolve(false));
    asked.end();
  });
}
