// One prediction through the console's server, and the request as a person would send it.
import type { Signature, TensorSignature } from "@capstan/api/kinds/model-signature";
import { consoleHeaders, sessionLost } from "../../api/handler.ts";
import { patientFetch } from "../../api/patient.ts";

/** One row by column name; null is a missing value. */
export type Row = Record<string, string | number | boolean | null>;

export interface Answer {
  ok: boolean;
  status: number;
  /** Parsed JSON, or the text when it is none. */
  body: unknown;
  milliseconds: number;
}

export interface Target {
  namespace: string;
  name: string;
}

export async function predict({ namespace, name }: Target, body: string): Promise<Answer> {
  const began = performance.now();
  const answer = await patientFetch(`/predict/${namespace}/${name}/v1/models/${name}:predict`, {
    method: "POST",
    headers: { "content-type": "application/json", ...consoleHeaders() },
    body,
  });
  const text = await answer.text();
  const milliseconds = performance.now() - began;
  if (answer.status === 401) sessionLost();
  return { ok: answer.ok, status: answer.status, body: parse(text), milliseconds };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // An answer of something in between, such as a proxy's page: shown as it is.
    return text;
  }
}

/** What the form holds, as the model takes it: empty is missing, numbers are numbers. */
export function rowOf(inputs: TensorSignature[], values: Record<string, string | undefined>): Row {
  return Object.fromEntries(
    inputs.map((input) => {
      const text = values[input.name]?.trim() ?? "";
      if (text === "") return [input.name, null];
      if (input.dtype === "bool") return [input.name, text === "true"];
      return [input.name, input.dtype === "string" ? text : Number(text)];
    }),
  );
}

export interface Prediction {
  label: string | undefined;
  /** In the model's order of classes. */
  probabilities: { label: string; probability: number }[];
  /** Outputs that are neither the label nor the probabilities. */
  others: [name: string, value: unknown][];
}

/** The first row of an answer, read by the signature. */
export function readPrediction(signature: Signature, body: unknown): Prediction | undefined {
  const first = (body as { predictions?: unknown[] }).predictions?.[0];
  if (first === undefined) return undefined;
  const single = signature.outputs.length === 1 ? signature.outputs[0]?.name : undefined;
  const row = (single ? { [single]: first } : first) as Record<string, unknown>;
  const labels = signature.classLabels ?? [];
  const read: Prediction = { label: undefined, probabilities: [], others: [] };
  for (const output of signature.outputs) {
    const value = row[output.name];
    const list = Array.isArray(value) ? value.map(Number) : undefined;
    if (list && labels.length > 0 && list.length === labels.length && read.probabilities.length === 0) {
      read.probabilities = labels.map((label, index) => ({ label, probability: list[index] ?? 0 }));
    } else if (labels.includes(String(value)) && read.label === undefined) read.label = String(value);
    else read.others.push([output.name, value]);
  }
  return read;
}

export interface ShellRequest {
  /** Of the service, from its status. */
  url: string;
  /** Address of the gateway. */
  gateway: string;
  tokenFile?: string | undefined;
  body: string;
}

/** The same request from a shell. Without a file the token is the reader's own, in $TOKEN. */
export function curlLine({ name }: Target, { url, gateway, tokenFile, body }: ShellRequest): string {
  const { host, hostname, origin } = new URL(url);
  // Names below localhost lead to this machine by themselves (RFC 6761, section 6.3).
  const local = hostname.endsWith(".localhost");
  return [
    `curl ${local ? origin : gateway}/v1/models/${name}:predict`,
    ...(local ? [] : [`-H "Host: ${host}"`]),
    `-H "Authorization: Bearer ${tokenFile ? `$(cat ${tokenFile})` : "$TOKEN"}"`,
    `-d '${body.replaceAll("'", "'\\''")}'`,
  ].join(" \\\n  ");
}
