// What a workflow's containers print: the past in the order in which it was printed, the present as it comes.
import type { Pod } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import { Workflows } from "@capstan/api/kinds/workflow";
import { isReason, type ObjectRef, pathOf } from "@capstan/api/meta";
import { createQueue, type Queue } from "@capstan/base/async";
import { bytesOf, type Client, readLines } from "@capstan/core/client";
import { isWorkflowOver, labels } from "../engine/index.ts";

export interface LogLine {
  /** The node's name as people see it. */
  node: string;
  pod: string;
  container: string;
  text: string;
}

export interface LogOptions {
  /** Goes on until the workflow is over. */
  follow?: boolean;
  /** Default: the main ones. */
  container?: string;
  /** One pod's alone. */
  pod?: string;
  /** Labels that the pods have. */
  selector?: string;
  grep?: RegExp;
  sinceSeconds?: number;
  sinceTime?: string;
  /** Lines from the end of each container's log. */
  tail?: number;
  timestamps?: boolean;
  /** Of the container before its last restart. */
  previous?: boolean;
  signal: AbortSignal;
}

type Timed = LogLine & { at: string };

/** @throws StatusError NotFound when there is no such workflow. */
export async function* logsOf(client: Client, ref: ObjectRef, options: LogOptions): AsyncGenerator<LogLine> {
  const reader = new LogReader(client, ref, options);
  yield* options.follow ? reader.follow() : reader.past();
}

class LogReader {
  readonly #client: Client;
  readonly #ref: ObjectRef;
  readonly #options: LogOptions;

  constructor(client: Client, ref: ObjectRef, options: LogOptions) {
    this.#client = client;
    this.#ref = ref;
    this.#options = options;
  }

  async *past(): AsyncGenerator<LogLine> {
    await this.#client.get(Workflows, this.#ref);
    const { items } = await this.#client.list(Pods, this.#scope());
    yield* this.#merge(items);
  }

  /** Lines of all pods, by their times: a pod's log is opened when what has been read gets to its start. */
  async *#merge(pods: Pod[]): AsyncGenerator<LogLine> {
    const waiting = pods.filter(hasStarted).sort((a, b) => (startOf(a) < startOf(b) ? -1 : 1));
    const open: { head: Timed; rest: AsyncGenerator<Timed> }[] = [];
    for (;;) {
      let first = open.reduce<(typeof open)[number] | undefined>(
        (a, b) => (a && a.head.at <= b.head.at ? a : b),
        undefined,
      );
      while (waiting[0] && (!first || startOf(waiting[0]) <= first.head.at)) {
        const pod = waiting.shift() as Pod;
        for (const name of this.#names(pod)) {
          const rest = this.#read(pod, name);
          const { value, done } = await rest.next();
          if (done) continue;
          open.push({ head: value, rest });
          if (!first || value.at < first.head.at) first = open.at(-1);
        }
      }
      if (!first) return;
      yield first.head;
      const { value, done } = await first.rest.next();
      if (done) open.splice(open.indexOf(first), 1);
      else first.head = value;
    }
  }

  /** What is over comes in order, then everything as it is printed. */
  async *follow(): AsyncGenerator<LogLine> {
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, stop.signal]);
    const lines = createQueue<LogLine>();
    const streams = new Map<string, Promise<void>>();
    const begin = (pod: Pod) => {
      for (const container of this.#names(pod)) {
        const id = `${pod.metadata.uid}/${container}`;
        if (streams.has(id) || !isStarted(pod, container)) continue;
        streams.set(id, pour(this.#read(pod, container, signal), lines));
      }
    };
    try {
      const workflow = await this.#client.get(Workflows, this.#ref);
      const { items, resourceVersion } = await this.#client.list(Pods, this.#scope());
      const ended = items.filter(({ status }) => status?.phase === "Succeeded" || status?.phase === "Failed");
      yield* this.#merge(ended);
      for (const pod of ended)
        for (const name of this.#names(pod)) streams.set(`${pod.metadata.uid}/${name}`, Promise.resolve());
      items.forEach(begin);
      const all = async () => {
        if (!isWorkflowOver(workflow.status?.phase)) await this.#untilOver(signal);
        (await this.#client.list(Pods, this.#scope())).items.forEach(begin);
        await Promise.all(streams.values());
        lines.end();
      };
      all().catch((error: unknown) => lines.end(error));
      this.#watchPods(resourceVersion, begin, signal).catch((error: unknown) => lines.end(error));
      yield* lines;
    } catch (error) {
      if (!this.#options.signal.aborted) throw error;
    } finally {
      stop.abort();
    }
  }

  async #watchPods(resourceVersion: string, begin: (pod: Pod) => void, signal: AbortSignal): Promise<void> {
    let from: { resourceVersion?: string } = { resourceVersion };
    while (!signal.aborted) {
      try {
        for await (const event of this.#client.watch(Pods, { ...this.#scope(), ...from, signal }))
          if (event.type === "ADDED" || event.type === "MODIFIED") begin(event.object);
      } catch (error) {
        if (!signal.aborted && !isReason(error, "Expired", "Gone")) throw error;
      }
      from = {};
    }
  }

  async #untilOver(signal: AbortSignal): Promise<void> {
    const { namespace = "", name } = this.#ref;
    while (!signal.aborted) {
      try {
        const options = { namespace, fieldSelector: `metadata.name=${name}`, signal };
        for await (const event of this.#client.watch(Workflows, options)) {
          if (event.type === "DELETED") return;
          if (event.type !== "BOOKMARK" && isWorkflowOver(event.object.status?.phase)) return;
        }
      } catch (error) {
        if (!signal.aborted && !isReason(error, "Expired", "Gone")) throw error;
      }
    }
  }

  #scope() {
    const { pod, selector } = this.#options;
    const { namespace = "", name } = this.#ref;
    return {
      namespace,
      labelSelector: [`${labels.workflow}=${name}`, ...(selector ? [selector] : [])].join(","),
      ...(pod ? { fieldSelector: `metadata.name=${pod}` } : {}),
    };
  }

  #names({ metadata }: Pod): string[] {
    const { container } = this.#options;
    if (container) return [container];
    return metadata.annotations?.["capstan.dev/main-containers"]?.split(",") ?? ["main"];
  }

  /** @param following goes on with new lines until it aborts or the container ends. */
  async *#read({ metadata }: Pod, container: string, following?: AbortSignal): AsyncGenerator<Timed> {
    const { sinceSeconds, sinceTime, tail, previous, grep, timestamps, signal } = this.#options;
    const query = new URLSearchParams({ container, timestamps: "true", ...(following ? { follow: "true" } : {}) });
    if (sinceSeconds !== undefined) query.set("sinceSeconds", String(sinceSeconds));
    if (sinceTime !== undefined) query.set("sinceTime", sinceTime);
    if (tail !== undefined) query.set("tailLines", String(tail));
    if (previous) query.set("previous", "true");
    const url = `${pathOf(Pods, metadata.namespace, metadata.name, "log")}?${query}`;
    const nodeName = metadata.annotations?.[labels.nodeName] ?? metadata.name;
    const node = nodeName.replace(/^.*?(?:\[\d+\])?\.(?=[^.]*$)/, "");
    try {
      const { body } = await this.#client.request({ url, signal: following ?? signal });
      for await (const line of readLines(bytesOf(body))) {
        const space = line.indexOf(" ");
        const at = comparable(space < 0 ? line : line.slice(0, space));
        const text = timestamps ? line : space < 0 ? "" : line.slice(space + 1);
        if (!grep || grep.test(text)) yield { node, pod: metadata.name, container, text, at };
      }
    } catch (error) {
      // A container that never started has no logs, nor has a pod that is gone.
      if (!isReason(error, "BadRequest", "NotFound")) throw error;
    }
  }
}

async function pour(from: AsyncIterable<LogLine>, into: Queue<LogLine>): Promise<void> {
  for await (const line of from) into.push(line);
}

const hasStarted = ({ status }: Pod) => status?.phase !== undefined && status.phase !== "Pending";

function isStarted({ status }: Pod, container: string): boolean {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const state = all.find(({ name }) => name === container)?.state;
  return state?.running !== undefined || state?.terminated !== undefined;
}

/** Times as texts that are in order, however many digits they have. */
const comparable = (time: string) => (time.endsWith("Z") ? time.slice(0, -1) : time);
const startOf = ({ status, metadata }: Pod) => comparable(status?.startTime ?? metadata.creationTimestamp ?? "");
