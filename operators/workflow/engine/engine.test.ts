import assert from "node:assert/strict";
import { test } from "node:test";
import { type PodEnd, type Simulation, simulate } from "@capstan/testing/workflow";

const head = (spec: string) =>
  `apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\nspec:\n${spec.replace(/^/gm, "  ")}`;
const pod = "container: {image: busybox, command: [echo]}";
const phases = (run: Simulation) =>
  Object.fromEntries(Object.values(run.workflow.status?.nodes ?? {}).map((node) => [node.displayName, node.phase]));
const out = (name: string, value: string): PodEnd => ({ outputs: { parameters: [{ name, value }] } });
const mainArgs = (run: Simulation, node: string) => {
  const id = run.node(node).id;
  const found = [...run.pods.values()].find((p) => p.metadata.annotations?.["workflows.argoproj.io/node-id"] === id);
  return found?.spec.containers.find(({ name }) => name === "main")?.args;
};

test("a workflow of one container has the workflow's name as node and pod", () => {
  const run = simulate(head(`entrypoint: a\ntemplates:\n- {name: a, ${pod}}`));
  assert.equal(run.workflow.status?.phase, "Succeeded");
  assert.deepEqual([...run.pods.keys()], ["wf"]);
  const { startedAt, finishedAt, resourcesDuration, ...node } = run.node("wf");
  assert.deepEqual(node, {
    id: "wf",
    name: "wf",
    displayName: "wf",
    type: "Pod",
    templateName: "a",
    templateScope: "local/wf",
    phase: "Succeeded",
    progress: "1/1",
    outputs: { exitCode: "0" },
    taskResultSynced: true,
  });
  assert.ok(startedAt && finishedAt && resourcesDuration);
  assert.equal(run.workflow.metadata.labels?.["workflows.argoproj.io/phase"], "Succeeded");
  assert.deepEqual(run.workflow.status?.conditions?.map(({ type, status }) => `${type}=${status}`).sort(), [
    "Completed=True",
    "PodRunning=False",
  ]);
});

test("step groups are drawn one after another, and the last ones are outbound", () => {
  const run = simulate(
    head(
      `entrypoint: m\ntemplates:\n- name: m\n  steps:\n  - - {name: a, template: t}\n    - {name: b, template: t}\n  - - {name: c, template: t}\n- {name: t, ${pod}}`,
    ),
  );
  const [first, second] = [run.node("wf[0]"), run.node("wf[1]")];
  assert.deepEqual(run.node("wf").children, [first.id]);
  assert.deepEqual(first.children, [run.node("a").id, run.node("b").id]);
  assert.deepEqual(run.node("a").children, [second.id]);
  assert.deepEqual(run.node("b").children, [second.id]);
  assert.deepEqual(run.node("wf").outboundNodes, [run.node("c").id]);
  assert.equal(run.node("a").boundaryID, "wf");
  assert.equal(first.displayName, "[0]");
  assert.deepEqual(run.order, ["wf[0].a", "wf[0].b", "wf[1].c"]);
});

test("a failed step ends its group, names the child, and nothing after it starts", () => {
  const run = simulate(
    head(
      `entrypoint: m\ntemplates:\n- name: m\n  steps:\n  - - {name: a, template: t}\n  - - {name: b, template: t}\n- {name: t, ${pod}}`,
    ),
    { ends: { a: { exitCode: 3 } } },
  );
  assert.equal(run.workflow.status?.phase, "Failed");
  assert.equal(run.workflow.status?.message, `child '${run.node("a").id}' failed`);
  assert.equal(run.node("a").message, "main: Error (exit code 3)");
  assert.equal(run.node("a").outputs?.exitCode, "3");
  assert.deepEqual(run.order, ["wf[0].a"]);
});

test("continueOn lets the next group see the status and exit code", () => {
  const run = simulate(
    head(
      `entrypoint: m\ntemplates:\n- name: m\n  steps:\n  - - {name: a, template: t, continueOn: {failed: true}}\n  - - {name: b, template: u, arguments: {parameters: [{name: x, value: "{{steps.a.status}} {{steps.a.exitCode}}"}]}}\n- {name: t, ${pod}}\n- name: u\n  inputs: {parameters: [{name: x}]}\n  container: {image: i, args: ["{{inputs.parameters.x}}"]}`,
    ),
    { ends: { a: { exitCode: 123 } } },
  );
  assert.equal(run.workflow.status?.phase, "Succeeded");
  assert.deepEqual(mainArgs(run, "b"), ["Failed 123"]);
});

test("loops name their nodes after the items, and their outputs come as lists in order", () => {
  const run = simulate(
    head(`entrypoint: m
templates:
- name: m
  steps:
  - - {name: a, template: t, arguments: {parameters: [{name: x, value: "{{item.k}}-{{item.n}}"}]}, withItems: [{n: 2, k: z}, {k: "(y)", n: 1}]}
    - {name: s, template: t, arguments: {parameters: [{name: x, value: "{{item}}"}]}, withSequence: {start: "3", end: "1", format: "n%02d"}}
  - - {name: b, template: t, arguments: {parameters: [{name: x, value: "{{steps.a.outputs.result}} {{steps.a.outputs.parameters.p}}"}]}}
- name: t
  inputs: {parameters: [{name: x}]}
  container: {image: i, args: ["{{inputs.parameters.x}}"]}`),
    {
      ends: {
        t: (_, node) => ({
          outputs: {
            result: JSON.stringify({ of: node.displayName }),
            parameters: [{ name: "p", value: `${node.inputs?.parameters?.[0]?.value}` }],
          },
        }),
      },
    },
  );
  assert.equal(run.workflow.status?.phase, "Succeeded", run.workflow.status?.message);
  assert.deepEqual(mainArgs(run, "a(0:k:z,n:2)"), ["z-2"]);
  assert.deepEqual(mainArgs(run, "a(1:k:y,n:1)"), ["(y)-1"]);
  assert.deepEqual(mainArgs(run, "s(0:n03)"), ["n03"]);
  assert.deepEqual(mainArgs(run, "b"), ['[{"of":"a(0:k:z,n:2)"},{"of":"a(1:k:y,n:1)"}] ["z-2","(y)-1"]']);
});

test("withParam fans out over what a task printed, and an empty list is skipped", () => {
  const yaml = head(`entrypoint: m
templates:
- name: m
  dag:
    tasks:
    - {name: gen, template: t, arguments: {parameters: [{name: x, value: "0"}]}}
    - {name: each, depends: gen, template: t, withParam: "{{tasks.gen.outputs.result}}", arguments: {parameters: [{name: x, value: "{{item}}"}]}}
    - {name: end, depends: each, template: t, arguments: {parameters: [{name: x, value: "{{tasks.each.outputs.result}}"}]}}
- name: t
  inputs: {parameters: [{name: x}]}
  container: {image: i, args: ["{{inputs.parameters.x}}"]}`);
  const run = simulate(yaml, { ends: { gen: { outputs: { result: '["a", 2]' } }, t: { outputs: { result: "7" } } } });
  assert.equal(run.node("each").type, "TaskGroup");
  assert.deepEqual(mainArgs(run, "each(1:2)"), ["2"]);
  assert.deepEqual(mainArgs(run, "end"), ["[7,7]"]);
  assert.deepEqual(run.node("each(0:a)").children, [run.node("end").id]);
  const empty = simulate(yaml, { ends: { gen: { outputs: { result: "[]" } } } });
  assert.deepEqual(phases(empty), { wf: "Succeeded", gen: "Succeeded", each: "Skipped", end: "Succeeded" });
  const broken = simulate(yaml, { ends: { gen: { outputs: { result: "oops" } } } });
  assert.match(broken.node("each").message ?? "", /withParam of each is not a JSON list/);
  assert.equal(broken.workflow.status?.phase, "Error");
});

test("depends decides what runs, what is omitted, and the whole", () => {
  const run = simulate(
    head(`entrypoint: m
templates:
- name: m
  dag:
    tasks:
    - {name: A, template: t}
    - {name: B, depends: A, template: t}
    - {name: C, depends: A, template: t}
    - {name: r1, depends: "A && (C.Succeeded || C.Failed)", template: t}
    - {name: r2, depends: B || C, template: t}
    - {name: never, depends: B && C, template: t}
    - {name: r3, depends: r2.Succeeded || never, template: t}
- {name: t, ${pod}}`),
    { ends: { C: { exitCode: 1 } } },
  );
  assert.deepEqual(phases(run), {
    wf: "Succeeded",
    A: "Succeeded",
    B: "Succeeded",
    C: "Failed",
    r1: "Succeeded",
    r2: "Succeeded",
    never: "Omitted",
    r3: "Succeeded",
  });
});

test("a failed dependency fails the DAG and omits what is after it", () => {
  const run = simulate(
    head(
      `entrypoint: m\ntemplates:\n- name: m\n  dag:\n    tasks:\n    - {name: A, template: t}\n    - {name: B, dependencies: [A], template: t}\n    - {name: C, template: t}\n- {name: t, ${pod}}`,
    ),
    { ends: { A: { exitCode: 1 } } },
  );
  assert.deepEqual(phases(run), { wf: "Failed", A: "Failed", B: "Omitted", C: "Succeeded" });
  assert.deepEqual(run.node("A").children, [run.node("B").id]);
});

test("a target runs with what it needs, and nothing else", () => {
  const run = simulate(
    head(
      `entrypoint: m\ntemplates:\n- name: m\n  dag:\n    target: B\n    tasks:\n    - {name: A, template: t}\n    - {name: B, depends: A, template: t}\n    - {name: C, template: t}\n- {name: t, ${pod}}`,
    ),
  );
  assert.deepEqual(Object.keys(phases(run)), ["wf", "A", "B"]);
});

test("retries go on until one succeeds, with names, expression and back-off", () => {
  const strategy = `entrypoint: t\ntemplates:\n- name: t\n  retryStrategy: {limit: "3", backoff: {duration: "10", factor: 2}}\n  container: {image: i, args: ["{{retries}} {{lastRetry.exitCode}}"]}`;
  let tries = 0;
  const run = simulate(head(strategy), { ends: { t: () => ({ exitCode: tries++ < 2 ? 9 : 0 }) } });
  assert.equal(run.workflow.status?.phase, "Succeeded");
  assert.equal(run.node("wf").type, "Retry");
  assert.deepEqual(run.order, ["wf(0)", "wf(1)", "wf(2)"]);
  assert.deepEqual(mainArgs(run, "wf(2)"), ["2 9"]);
  const [a, b, c] = ["wf(0)", "wf(1)", "wf(2)"].map((name) => Date.parse(String(run.node(name).startedAt)));
  assert.ok((b as number) - (a as number) >= 10_000 && (c as number) - (b as number) >= 20_000);
  const spent = simulate(head(strategy), { ends: { t: { exitCode: 1 } } });
  assert.equal(spent.workflow.status?.message, "No more retries left");
  assert.equal(spent.order.length, 4);
  const stopped = simulate(head(strategy.replace("limit:", "expression: \"lastRetry.exitCode != '1'\", limit:")), {
    ends: { t: { exitCode: 1 } },
  });
  assert.equal(stopped.workflow.status?.message, "retryStrategy.expression evaluated to false");
  assert.equal(stopped.order.length, 1);
});

test("steps follow a step with retries", () => {
  let tries = 0;
  const run = simulate(
    head(
      `entrypoint: m\ntemplates:\n- name: m\n  steps:\n  - - {name: a, template: t}\n  - - {name: b, template: u}\n- {name: t, retryStrategy: {limit: 2}, ${pod}}\n- {name: u, ${pod}}`,
    ),
    { ends: { t: () => ({ exitCode: tries++ === 0 ? 1 : 0 }) } },
  );
  assert.equal(run.workflow.status?.phase, "Succeeded");
  assert.deepEqual(run.node("a(1)").children, [run.node("wf[1]").id]);
  assert.equal(run.workflow.status?.progress, "2/3");
});

test("recursion works and is bounded", () => {
  const recursive = `entrypoint: m\ntemplates:\n- name: m\n  steps:\n  - - {name: a, template: t}\n  - - {name: again, template: m, when: "{{steps.a.outputs.result}} == more"}\n- {name: t, ${pod}}`;
  let left = 5;
  const run = simulate(head(recursive), { ends: { t: () => ({ outputs: { result: left-- > 0 ? "more" : "done" } }) } });
  assert.equal(run.workflow.status?.phase, "Succeeded");
  assert.equal(run.order.length, 6);
  const endless = simulate(head(recursive), { ends: { t: { outputs: { result: "more" } } } });
  assert.equal(endless.workflow.status?.phase, "Failed");
  assert.ok(endless.order.length <= 100);
  assert.ok(
    Object.values(endless.workflow.status?.nodes ?? {}).some((node) => /recursion depth/.test(node.message ?? "")),
  );
});

test("parameters: defaults, global outputs, expressions, ConfigMaps, enums", () => {
  const run = simulate(
    head(`entrypoint: m
arguments:
  parameters:
  - {name: n, value: 41}
  - {name: c, valueFrom: {configMapKeyRef: {name: cm, key: k}}}
templates:
- name: m
  steps:
  - - {name: a, template: gen}
  - - {name: b, template: t, arguments: {parameters: [{name: x, value: "{{=asInt(workflow.parameters.n) + 1}} {{workflow.outputs.parameters.g}} {{workflow.parameters.c}}"}]}}
- name: gen
  outputs: {parameters: [{name: p, globalName: g, valueFrom: {path: /p}}]}
  container: {image: i}
- name: t
  inputs: {parameters: [{name: x}, {name: d, default: "{{workflow.name}}", enum: [wf, other]}]}
  container: {image: i, args: ["{{inputs.parameters.x}} {{inputs.parameters.d}} {{unknown.tag}}"]}`),
    {
      configMaps: { cm: { k: "from-map" } },
      ends: { gen: { outputs: { parameters: [{ name: "p", value: "G", globalName: "g" }] } } },
    },
  );
  assert.equal(run.workflow.status?.phase, "Succeeded", run.workflow.status?.message);
  assert.deepEqual(mainArgs(run, "b"), ["42 G from-map wf {{unknown.tag}}"]);
  assert.deepEqual(run.workflow.status?.outputs?.parameters, [{ name: "g", value: "G" }]);
});

test("a value outside of its enum, and one that nobody supplied, are errors", () => {
  const yaml = (args: string) =>
    head(
      `entrypoint: m\ntemplates:\n- name: m\n  steps:\n  - - {name: a, template: t, arguments: {parameters: [${args}]}}\n- name: t\n  inputs: {parameters: [{name: x, enum: [a, b]}]}\n  container: {image: i}`,
    );
  assert.match(
    simulate(yaml("{name: x, value: c}")).node("a").message ?? "",
    /inputs\.parameters\.x: "c" is none of a, b/,
  );
  assert.match(simulate(yaml("")).node("a").message ?? "", /inputs\.parameters\.x was not supplied/);
});

test("a value that looks like a tag is only text", () => {
  const run = simulate(
    head(
      `entrypoint: m\ntemplates:\n- name: m\n  steps:\n  - - {name: a, template: gen}\n  - - {name: b, template: t, arguments: {parameters: [{name: x, value: "{{steps.a.outputs.result}}"}]}}\n- {name: gen, ${pod}}\n- name: t\n  inputs: {parameters: [{name: x}]}\n  container: {image: i, args: ["{{inputs.parameters.x}}"]}`,
    ),
    { ends: { a: { outputs: { result: "$& $(HOME) {{=1+1}" } } } },
  );
  assert.deepEqual(mainArgs(run, "b"), ["$& $(HOME) {{=1+1}"]);
});

test("a skipped producer is absent: consumer default, ??, else an error", () => {
  const yaml = (input: string) =>
    head(`entrypoint: m
templates:
- name: m
  dag:
    tasks:
    - {name: a, template: gen, when: "false"}
    - {name: b, depends: a, template: t, arguments: {parameters: [{name: x, value: "{{tasks.a.outputs.parameters.p}}"}]}}
  outputs: {parameters: [{name: o, valueFrom: {expression: "tasks.a.outputs.parameters.p ?? 'fallback'"}}]}
- {name: gen, outputs: {parameters: [{name: p, valueFrom: {path: /p}}]}, ${pod}}
- name: t
  inputs: {parameters: [${input}]}
  container: {image: i, args: ["{{inputs.parameters.x}}"]}`);
  const run = simulate(yaml("{name: x, default: mine}"));
  assert.deepEqual(mainArgs(run, "b"), ["mine"]);
  assert.deepEqual(run.node("wf").outputs?.parameters, [{ name: "o", value: "fallback" }]);
  assert.match(simulate(yaml("{name: x}")).node("b").message ?? "", /inputs\.parameters\.x was not supplied/);
});

test("exit handlers see the status; a failed one fails the workflow", () => {
  const yaml = head(
    `entrypoint: t\nonExit: bye\ntemplates:\n- {name: t, ${pod}}\n- name: bye\n  container: {image: i, args: ["{{workflow.status}} {{workflow.failures}}"]}`,
  );
  const run = simulate(yaml, { ends: { wf: { exitCode: 1 } } });
  assert.equal(run.workflow.status?.phase, "Failed");
  const [status, failures] = [
    mainArgs(run, "wf.onExit")?.[0]?.split(" ")[0],
    mainArgs(run, "wf.onExit")?.[0]?.slice(7),
  ];
  assert.equal(status, "Failed");
  assert.equal(JSON.parse(failures ?? "")[0].displayName, "wf");
  const bad = simulate(yaml, { ends: { "wf.onExit": { exitCode: 2 } } });
  assert.equal(bad.workflow.status?.phase, "Failed");
  assert.equal(bad.workflow.status?.message, "main: Error (exit code 2)");
});
test("an exit handler that is tried again ends, as its last try does", () => {
  const yaml = head(
    `entrypoint: t\nonExit: bye\ntemplates:\n- {name: t, ${pod}}\n- {name: bye, retryStrategy: {limit: 2}, ${pod}}`,
  );
  const run = simulate(yaml, { ends: { "wf.onExit(0)": { exitCode: 1 } } });
  assert.equal(run.workflow.status?.phase, "Succeeded");
  assert.deepEqual(run.order, ["wf", "wf.onExit(0)", "wf.onExit(1)"]);
  const { "wf.onExit": hook } = phases(run);
  assert.equal(hook, "Succeeded");
});

test("hooks of steps run when their expression holds, and exit hooks get outputs", () => {
  const run = simulate(
    head(`entrypoint: m
templates:
- name: m
  steps:
  - - name: a
      template: t
      hooks:
        exit: {template: u, arguments: {parameters: [{name: x, value: "{{steps.a.outputs.parameters.p}}"}]}}
        ok: {expression: "steps[\\"a\\"].status == 'Succeeded'", template: u, arguments: {parameters: [{name: x, value: ok}]}}
        no: {expression: "steps.a.status == 'Failed'", template: u, arguments: {parameters: [{name: x, value: no}]}}
- {name: t, ${pod}}
- {name: u, inputs: {parameters: [{name: x}]}, container: {image: i, args: ["{{inputs.parameters.x}}"]}}`),
    { ends: { t: out("p", "P") } },
  );
  assert.equal(run.workflow.status?.phase, "Succeeded", run.workflow.status?.message);
  assert.deepEqual(mainArgs(run, "wf[0].a.onExit"), ["P"]);
  assert.deepEqual(mainArgs(run, "wf[0].a.hooks.ok"), ["ok"]);
  assert.equal(
    run.order.some((name) => name.endsWith("hooks.no")),
    false,
  );
});

test("templates of others are found, kept, and look up names at home", () => {
  const run = simulate(
    head(
      `entrypoint: m\ntemplates:\n- name: m\n  dag:\n    tasks:\n    - {name: a, templateRef: {name: lib, template: outer}}\n    - {name: b, templateRef: {name: clib, template: t, clusterScope: true}}`,
    ),
    {
      templates: {
        "namespaced/lib": {
          templates: [
            { name: "outer", steps: [[{ name: "in", template: "inner" }]] },
            { name: "inner", container: { image: "i" } },
          ],
        },
        "cluster/clib": { templates: [{ name: "t", container: { image: "i" } }] },
      },
    },
  );
  assert.equal(run.workflow.status?.phase, "Succeeded", run.workflow.status?.message);
  assert.deepEqual(run.node("a").templateRef, { name: "lib", template: "outer" });
  assert.equal(run.node("in").templateScope, "namespaced/lib");
  assert.deepEqual(Object.keys(run.workflow.status?.storedTemplates ?? {}), [
    "namespaced/lib/outer",
    "namespaced/lib/inner",
    "cluster/clib/t",
  ]);
});

test("parallelism holds pods back, in the workflow and in a template", () => {
  const most = (run: Simulation) => run.rounds;
  const yaml = (where: string, inner: string) =>
    head(
      `entrypoint: m\n${where}templates:\n- name: m\n${inner}  steps:\n  - - {name: a, template: t, withItems: [1, 2, 3, 4]}\n- {name: t, ${pod}}`,
    );
  const free = simulate(yaml("", ""));
  const whole = simulate(yaml("parallelism: 1\n", ""));
  const part = simulate(yaml("", "  parallelism: 2\n"));
  for (const run of [free, whole, part]) assert.equal(run.order.length, 4);
  assert.ok(most(whole) > most(part) && most(part) > most(free), `${most(whole)} ${most(part)} ${most(free)}`);
});

test("a suspended template goes on after its time, or by a person's word", () => {
  const yaml = head(
    `entrypoint: m\ntemplates:\n- name: m\n  steps:\n  - - {name: s, template: s}\n  - - {name: a, template: t}\n- {name: s, suspend: {duration: "20"}}\n- {name: t, ${pod}}`,
  );
  const run = simulate(yaml);
  assert.equal(run.workflow.status?.phase, "Succeeded");
  assert.equal(run.node("s").type, "Suspend");
  const resumed = simulate(yaml.replace('duration: "20"', ""), {
    before(workflow, round) {
      const node = Object.values(workflow.status?.nodes ?? {}).find(({ type }) => type === "Suspend");
      if (round === 1 && node) node.phase = "Succeeded";
    },
  });
  assert.equal(resumed.workflow.status?.phase, "Succeeded");
});

test("a daemon serves what follows and is stopped with its template", () => {
  const run = simulate(
    head(
      `entrypoint: m\ntemplates:\n- name: m\n  steps:\n  - - {name: d, template: d}\n  - - {name: a, template: t, arguments: {parameters: [{name: x, value: "{{steps.d.ip}}"}]}}\n- {name: d, daemon: true, ${pod}}\n- {name: t, inputs: {parameters: [{name: x}]}, container: {image: i, args: ["{{inputs.parameters.x}}"]}}`,
    ),
    { ends: { d: { forever: true } } },
  );
  assert.equal(run.workflow.status?.phase, "Succeeded", run.workflow.status?.message);
  assert.deepEqual(mainArgs(run, "a"), ["10.0.0.7"]);
  assert.ok(run.effects.some((effect) => effect.do === "stop pod" && effect.name.startsWith("wf-d-")));
});

test("the deadline of a workflow fails what is left", () => {
  const run = simulate(
    head(
      `entrypoint: m\nactiveDeadlineSeconds: 30\ntemplates:\n- name: m\n  steps:\n  - - {name: a, template: t}\n  - - {name: b, template: t}\n- {name: t, ${pod}}`,
    ),
    { ends: { a: { forever: true } } },
  );
  assert.equal(run.workflow.status?.phase, "Failed");
  assert.equal(run.node("a").message, "Step exceeded its deadline");
  assert.ok(run.effects.some((effect) => effect.do === "stop pod"));
});

test("the results are the same when the engine forgets everything between two steps", () => {
  const yaml = head(`entrypoint: m
templates:
- name: m
  dag:
    tasks:
    - {name: gen, template: t}
    - {name: each, depends: gen, template: r, withParam: "{{tasks.gen.outputs.result}}"}
    - {name: sub, depends: each, template: s}
- name: s
  steps:
  - - {name: one, template: t}
  - - {name: two, template: t, when: "{{steps.one.outputs.result}} == '[1,2]'"}
- {name: r, retryStrategy: {limit: 2}, ${pod}}
- {name: t, ${pod}}`);
  const options = { ends: { t: { outputs: { result: "[1,2]" } } } };
  const [once, forgetful] = [simulate(yaml, options), simulate(yaml, { ...options, forgetful: true })];
  assert.equal(once.workflow.status?.phase, "Succeeded");
  assert.deepEqual(forgetful.order, once.order);
  assert.deepEqual(phases(forgetful), phases(once));
});

test("a broken or foreign reference ends the node with what to do", () => {
  const run = simulate(
    head(`entrypoint: m\ntemplates:\n- name: m\n  steps:\n  - - {name: a, template: tt}\n- {name: t1, ${pod}}`),
  );
  assert.equal(run.node("a").message, "template tt not found in the workflow; did you mean t1?");
});

test("what the spec says of all pods may name global values", () => {
  const run = simulate(
    head(
      `entrypoint: t\narguments: {parameters: [{name: m, value: 32Mi}, {name: z, value: zone-1}]}\nnodeSelector: {zone: "{{workflow.parameters.z}}"}\npodMetadata: {labels: {of: "{{workflow.name}}"}}\npodSpecPatch: |\n  containers:\n  - name: main\n    resources: {limits: {memory: "{{workflow.parameters.m}}"}}\ntemplates:\n- {name: t, ${pod}}`,
    ),
  );
  const made = run.pods.get("wf");
  assert.equal(made?.spec.nodeSelector?.zone, "zone-1");
  assert.equal(made?.metadata.labels?.of, "wf");
  assert.equal(made?.spec.containers.find(({ name }) => name === "main")?.resources?.limits?.memory, "32Mi");
});

test("a template's timeout bounds its pod", () => {
  const run = simulate(
    head(`entrypoint: t\ntemplates:\n- {name: t, timeout: 90s, activeDeadlineSeconds: 100, ${pod}}`),
  );
  assert.equal(run.pods.get("wf")?.spec.activeDeadlineSeconds, 90);
});
