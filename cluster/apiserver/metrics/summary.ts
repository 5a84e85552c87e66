import type { HttpResponse } from "@capstan/base/http";

/** A counter of processor time and the memory in use, at one moment. */
export interface Reading {
  /** Milliseconds since 1970. */
  time: number;
  /** Nanoseconds of processor time since the start. */
  cpu: number;
  /** Bytes of the working set. */
  memory: number;
}

export interface ContainerReading extends Reading {
  name: string;
  /** Milliseconds since 1970; absent when the agent did not say. */
  started?: number;
}

export interface PodReading {
  namespace: string;
  name: string;
  uid: string;
  containers: ContainerReading[];
}

/** What a node's agent says of itself and its pods. Source: k8s.io/kubelet stats/v1alpha1. */
export interface Summary {
  node?: Reading;
  pods: PodReading[];
}

/** Bytes that the answer of an agent may have: some 20,000 containers. */
const summaryLimit = 16 * 1024 * 1024;

/** Reads an agent's answer. Containers without numbers are left out. Throws when it is no summary or too long. */
export async function readSummary({ body }: HttpResponse): Promise<Summary> {
  const document: unknown = JSON.parse(await textOf(body));
  const { node, pods } = fieldsOf(document);
  const own = readingOf(node);
  return { ...(own ? { node: own } : {}), pods: listOf(pods).flatMap(podOf) };
}

async function textOf(body: HttpResponse["body"]): Promise<string> {
  if (body === undefined || typeof body === "string") return body ?? "";
  if (body instanceof Uint8Array) return new TextDecoder().decode(body);
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > summaryLimit) throw new RangeError(`the summary is longer than summaryLimit, ${summaryLimit}`);
  }
  return text + decoder.decode();
}

const fieldsOf = (value: unknown) => (value ?? {}) as Record<string, unknown>;
const listOf = (value: unknown) => (Array.isArray(value) ? (value as unknown[]) : []);

function podOf(value: unknown): PodReading[] {
  const { podRef, containers } = fieldsOf(value);
  const { namespace, name, uid } = fieldsOf(podRef);
  if (typeof namespace !== "string" || typeof name !== "string") return [];
  const readings = listOf(containers).flatMap((container) => {
    const { name: own, startTime } = fieldsOf(container);
    const reading = readingOf(container);
    if (!reading || typeof own !== "string") return [];
    const started = Date.parse(String(startTime));
    return [{ name: own, ...reading, ...(Number.isNaN(started) ? {} : { started }) }];
  });
  return [{ namespace, name, uid: String(uid), containers: readings }];
}

function readingOf(value: unknown): Reading | undefined {
  const { cpu, memory } = fieldsOf(value);
  const { time: text, usageCoreNanoSeconds } = fieldsOf(cpu);
  const { workingSetBytes } = fieldsOf(memory);
  const time = Date.parse(String(text));
  if (Number.isNaN(time) || !isCount(usageCoreNanoSeconds) || !isCount(workingSetBytes)) return undefined;
  return { time, cpu: usageCoreNanoSeconds, memory: workingSetBytes };
}

const isCount = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0;
