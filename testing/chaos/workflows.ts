// Random workflows whose every pod leaves a trace on the node: the same seed gives the same ones, and each of them ends in
// one way only, however its steps overlap.
import type { Template, Workflow } from "@capstan/api/kinds/workflow";
import { createRandom } from "@capstan/testing/workflow";

/** Where workflows see the directory of their traces. */
const traces = "/traces";
/** Longest that a step works, in seconds. */
const longest = 0.3;
const depthLimit = 2;
const mutexes = 4;

export interface ChaosWorkflow {
  workflow: Workflow;
  /** Its pods may be killed: each is tried again until it succeeds. */
  killable: boolean;
}

/** @param directory of the node that gets the traces: a line with the pod's name in a file of the workflow's name. */
export function chaosWorkflows(seed: number, count: number, directory: string): ChaosWorkflow[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, index) => new Generator(random, index, directory).workflow());
}

/** Writes the trace as the last thing that a step does. */
const trace = `echo {{pod.name}} >>${traces}/{{workflow.name}}`;

class Generator {
  readonly #random: () => number;
  readonly #index: number;
  readonly #directory: string;
  readonly #killable: boolean;
  readonly #templates: Template[] = [];

  constructor(random: () => number, index: number, directory: string) {
    this.#random = random;
    this.#index = index;
    this.#directory = directory;
    this.#killable = random() < 0.35;
  }

  workflow(): ChaosWorkflow {
    const entrypoint = this.#body(0);
    const name = `chaos-${this.#index}`;
    const onExit = this.#random() < 0.3 ? { onExit: this.#add(this.#plain()) } : {};
    const parallelism = this.#random() < 0.2 ? { parallelism: 1 + this.#below(3) } : {};
    const synchronization =
      this.#random() < 0.15 ? { synchronization: { mutexes: [{ name: `whole-${this.#below(mutexes)}` }] } } : {};
    return {
      killable: this.#killable,
      workflow: {
        apiVersion: "argoproj.io/v1alpha1",
        kind: "Workflow",
        metadata: { name, namespace: "default", labels: { killable: String(this.#killable) } },
        spec: {
          entrypoint,
          arguments: { parameters: [{ name: "seed", value: `${this.#below(1000)}` }] },
          ...onExit,
          ...parallelism,
          ...synchronization,
          volumes: [{ name: "traces", hostPath: { path: this.#directory } }],
          templates: this.#templates,
        },
      },
    };
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)] as T;
  }

  #add(template: Omit<Template, "name">): string {
    const name = `t${this.#templates.length}`;
    const isPod = template.container !== undefined || template.script !== undefined;
    const tries = isPod && this.#killable && !template.retryStrategy ? { retryStrategy: always } : {};
    this.#templates.push({ name, ...template, ...tries } as Template);
    return name;
  }

  /** A program that works for a while. */
  #container(lines: string[]) {
    const seconds = (this.#random() * longest).toFixed(2);
    const script = [`set -e`, `sleep ${seconds}`, ...lines, trace].join("\n");
    return {
      image: "capstan/host",
      command: ["sh", "-c", script],
      volumeMounts: [{ name: "traces", mountPath: traces }],
    };
  }

  /** Takes a text, gives one: as a parameter, or as its result. */
  #plain(): Omit<Template, "name"> {
    const inputs = { parameters: [{ name: "x", default: "none" }] };
    const sum = `printf '%s' "{{inputs.parameters.x}}-{{workflow.parameters.seed}}" | cksum | cut -d' ' -f1`;
    const outputs = { parameters: [{ name: "y", valueFrom: { path: "/tmp/y" } }] };
    if (this.#random() < 0.5) return { inputs, container: this.#container([`${sum} >/tmp/y`]), outputs };
    const { command, ...rest } = this.#container([`${sum} | tee /tmp/y`]);
    return { inputs, script: { ...rest, command: ["sh"], source: command[2] ?? "" }, outputs };
  }

  /** Fails some times, whatever the number of the try. */
  #flaky(): Omit<Template, "name"> {
    const fails = 1 + this.#below(2);
    const plain = this.#plain();
    const check = `[ {{retries}} -ge ${fails} ] || exit 3`;
    if (plain.script) plain.script.source = `${check}\n${plain.script.source}`;
    if (plain.container) plain.container.command = ["sh", "-c", `${check}\n${plain.container.command?.[2]}`];
    return { ...plain, retryStrategy: this.#killable ? always : { limit: 5 } };
  }

  #sidecar(): Omit<Template, "name"> {
    const listens = "trap 'exit 0' TERM; while :; do sleep 0.05; done";
    const command = this.#random() < 0.5 ? ["sh", "-c", listens] : ["sleep", "1000"];
    return { ...this.#plain(), sidecars: [{ name: "aside", image: "capstan/host", command }] };
  }

  /** Only one at a time holds the directory: who finds it there fails. */
  #exclusive(): Omit<Template, "name"> {
    const lock = `${traces}/lock-${this.#below(mutexes)}`;
    const plain = this.#plain();
    const name = lock.slice(traces.length + 1);
    const lines = [`mkdir ${lock}`, "sleep 0.1", `rmdir ${lock}`, "echo 1 >/tmp/y"];
    return { ...plain, script: undefined, container: this.#container(lines), synchronization: { mutexes: [{ name }] } };
  }

  #leaf(): string {
    const kinds = [0, 0, 0, 1, 1, 2, ...(this.#killable ? [] : [3])];
    const kind = this.#pick(kinds);
    return this.#add(
      [() => this.#plain(), () => this.#flaky(), () => this.#sidecar(), () => this.#exclusive()][kind]?.() ?? {},
    );
  }

  /** What to call, and how: bodies are called once, as loops of loops would have no end. */
  #call(depth: number, list: string): object {
    if (depth < depthLimit && this.#random() < 0.12) return { template: this.#body(depth + 1) };
    return { template: this.#leaf(), ...this.#repeat(list) };
  }

  #body(depth: number): string {
    return this.#random() < 0.5 ? this.#steps(depth) : this.#dag(depth);
  }

  /** Steps: some loop over a list that an earlier one made, some run on a condition, the last may fail. */
  #steps(depth: number): string {
    const groups: Record<string, unknown>[][] = [];
    const first = this.#add(this.#list());
    groups.push([{ name: "list", template: first }]);
    for (let i = 1 + this.#below(2); i > 0; i--) {
      groups.push(
        Array.from({ length: 1 + this.#below(2) }, (_, j) => ({
          name: `s${groups.length}-${j}`,
          ...this.#call(depth, "steps.list"),
        })),
      );
    }
    if (this.#random() < 0.15) {
      const name = this.#add({ container: this.#container(["exit 4"]), retryStrategy: { limit: 1 } });
      groups.push([
        { name: "fails", template: name, ...(this.#random() < 0.5 ? { continueOn: { failed: true } } : {}) },
      ]);
    }
    return this.#add({ steps: groups, ...this.#inputs() } as unknown as Omit<Template, "name">);
  }

  #inputs() {
    return { inputs: { parameters: [{ name: "x", default: "none" }] } };
  }

  #repeat(list: string): object {
    const choice = this.#random();
    const given = (value: string) => ({ arguments: { parameters: [{ name: "x", value }] } });
    if (choice < 0.1) return { ...given("{{item}}"), withParam: `{{${list}.outputs.result}}` };
    if (choice < 0.15) return { ...given("{{item.a}}"), withItems: [{ a: "1" }, { a: "two" }] };
    if (choice < 0.2) return { ...given("{{item}}"), withSequence: { count: "2" } };
    if (choice < 0.35) return { ...given("cond"), when: `{{${list}.outputs.parameters.size}} > 2` };
    if (choice < 0.7) return given(`{{=asInt(${list}.outputs.parameters.size) + 1}}`);
    return given(`{{${list}.outputs.parameters.size}}`);
  }

  /** Makes a list, and says how long it is. */
  #list(): Omit<Template, "name"> {
    const size = 1 + this.#below(3);
    const items = JSON.stringify(Array.from({ length: size }, (_, i) => `i${i}`));
    const { command, ...rest } = this.#container([`printf ${size} >/tmp/size`, `echo '${items}'`]);
    return {
      script: { ...rest, command: ["sh"], source: command[2] ?? "" },
      outputs: { parameters: [{ name: "size", valueFrom: { path: "/tmp/size" } }] },
    };
  }

  /** A diamond and more: artifacts go from its first task to others. */
  #dag(depth: number): string {
    const archive = this.#pick([undefined, { none: {} }, { zip: {} }, { tar: { compressionLevel: 0 } }]);
    const isTree = archive === undefined || "zip" in archive ? this.#random() < 0.5 : false;
    const make = this.#add({
      container: this.#container([
        ...(isTree ? ["mkdir -p /tmp/made/in"] : []),
        `seq ${100 + this.#below(20_000)} >/tmp/made${isTree ? "/in/numbers" : ""}`,
        ...(isTree ? ["ln -s in/numbers /tmp/made/link", "echo 1 >/tmp/made/one"] : []),
      ]),
      outputs: { artifacts: [{ name: "made", path: "/tmp/made", ...(archive ? { archive } : {}) }] },
    });
    const use = () =>
      this.#add({
        inputs: { artifacts: [{ name: "given", path: "/tmp/given" }] },
        container: this.#container(["find -L /tmp/given -type f | sort | xargs cat | sha256sum | cut -c1-64 >/tmp/y"]),
        outputs: { parameters: [{ name: "y", valueFrom: { path: "/tmp/y" } }] },
      });
    const from = { arguments: { artifacts: [{ name: "given", from: "{{tasks.make.outputs.artifacts.made}}" }] } };
    const tasks: Record<string, unknown>[] = [
      { name: "make", template: make },
      { name: "list", template: this.#add(this.#list()) },
    ];
    for (let i = 1 + this.#below(2); i > 0; i--) {
      tasks.push({ name: `use-${i}`, template: use(), depends: "make", ...from });
    }
    for (let i = 1 + this.#below(2); i > 0; i--) {
      const before = this.#pick(tasks.filter(({ name }) => name !== "list"));
      tasks.push({
        name: `d${i}`,
        depends: `list.Succeeded && (${before.name}.Succeeded || ${before.name}.Skipped || ${before.name}.Failed)`,
        ...this.#call(depth, "tasks.list"),
      });
    }
    return this.#add({ dag: { tasks, failFast: false }, ...this.#inputs() } as unknown as Omit<Template, "name">);
  }
}

/** For pods that are killed by others. */
const always = { limit: 30, retryPolicy: "Always" as const };
