import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkflowSpec } from "@capstan/api/kinds/workflow";
import { readWorkflow } from "@capstan/testing/workflow";
import { specWithTypes } from "../parameter-types/index.ts";
import { validateWorkflow } from "./index.ts";

const none = () => undefined;
const problemsOf = (spec: string, templates: Record<string, WorkflowSpec> = {}) => {
  const workflow = readWorkflow(`metadata: {name: wf}\nspec:\n${spec.replace(/^/gm, "  ")}`);
  return validateWorkflow(workflow, (scope, name) => templates[`${scope}/${name}`], none).map(
    ({ path, message }) => `${path}: ${message}`,
  );
};
const one = (template: string) => `entrypoint: m\ntemplates:\n- {name: m, ${template}}`;
const pod = "container: {image: i}";
const steps = (step: string) => `entrypoint: m\ntemplates:\n- name: m\n  steps: [[${step}]]\n- {name: t, ${pod}}`;
const dag = (tasks: string) => `entrypoint: m\ntemplates:\n- name: m\n  dag: {tasks: [${tasks}]}\n- {name: t, ${pod}}`;

const golden: [string, string, string[]][] = [
  ["nothing wrong", one(pod), []],
  [
    "an unknown field of the spec",
    `${one(pod)}\nentrypiont: m`,
    ["spec.entrypiont: unknown field; did you mean entrypoint?"],
  ],
  [
    "an unknown field of a template",
    one(`${pod}, retryStrategey: {}`),
    ["spec.templates[0].retryStrategey: unknown field; did you mean retryStrategy?"],
  ],
  [
    "an unknown field of a container",
    one("container: {image: i, comand: [a]}"),
    ["spec.templates[0].container.comand: unknown field; did you mean command?"],
  ],
  [
    "an unknown field deep in a volume",
    `${one(pod)}\nvolumes: [{name: v, emptyDir: {sizelimit: 1}}]`,
    ["spec.volumes[0].emptyDir.sizelimit: unknown field; did you mean sizeLimit?"],
  ],
  ["a wrong type", one("container: {image: 3}"), ["spec.templates[0].container.image: must be text, not number"]],
  ["a list in place of a map", one("container: [a]"), ["spec.templates[0].container: must be a map, not a list"]],
  [
    "a wrong word",
    one(`${pod}, retryStrategy: {retryPolicy: Sometimes}`),
    [
      'spec.templates[0].retryStrategy.retryPolicy: "Sometimes" is none of Always, OnFailure, OnError, OnTransientError',
    ],
  ],
  ["no entrypoint", `templates:\n- {name: m, ${pod}}`, ["spec.entrypoint: is required"]],
  [
    "an entrypoint that is not there",
    `entrypoint: mm\ntemplates:\n- {name: m, ${pod}}`,
    ["spec.entrypoint: template mm not found in the workflow; did you mean m?"],
  ],
  [
    "a template without a body",
    one("inputs: {}"),
    ["spec.templates[0]: one of container, script, steps, dag, suspend, resource, containerSet is required"],
  ],
  [
    "retries of a set's containers",
    one(
      'containerSet: {containers: [{name: a, image: i}], retryStrategy: {retries: "10", duration: 1m30s}}, retryStrategy: {limit: 2}',
    ),
    [],
  ],
  [
    "retries of a set's containers that tags stand for",
    one(
      'inputs: {parameters: [{name: n, value: 1}]}, containerSet: {containers: [{name: a, image: i}], retryStrategy: {retries: "{{inputs.parameters.n}}"}}',
    ),
    [],
  ],
  [
    "retries of a set's containers that are none",
    one('containerSet: {containers: [{name: a, image: i}], retryStrategy: {retries: -1, duration: "10"}}'),
    [
      "spec.templates[0].containerSet.retryStrategy.retries: is -1, not a whole number",
      'spec.templates[0].containerSet.retryStrategy.duration: is "10", not a duration such as 300ms, 30s or 1h30m',
    ],
  ],
  [
    "retries of a set's containers beyond the limits",
    one("containerSet: {containers: [{name: a, image: i}], retryStrategy: {retries: 2147483648, duration: 600h}}"),
    [
      "spec.templates[0].containerSet.retryStrategy.retries: is more than the limit retries = 2147483647",
      "spec.templates[0].containerSet.retryStrategy.duration: is more than the limit duration = 2147483647ms",
    ],
  ],
  [
    "a pause before retries of a set's containers that is negative",
    one("containerSet: {containers: [{name: a, image: i}], retryStrategy: {retries: 1, duration: -1s}}"),
    ['spec.templates[0].containerSet.retryStrategy.duration: is "-1s", not a duration such as 300ms, 30s or 1h30m'],
  ],
  ["two bodies", one(`${pod}, suspend: {}`), ["spec.templates[0]: only one of container, suspend may be given"]],
  [
    "a step's template that is not there",
    steps("{name: a, template: tt}"),
    ["spec.templates[0].steps[0][0].template: template tt not found in the workflow; did you mean t?"],
  ],
  [
    "two steps of one name",
    steps("{name: a, template: t}, {name: a, template: t}"),
    ["spec.templates[0].steps[0][1].name: a is there twice"],
  ],
  [
    "a reference to what is not there",
    steps("{name: a, templateRef: {name: lib, template: x}}"),
    ["spec.templates[0].steps[0][0].templateRef: WorkflowTemplate lib not found"],
  ],
  [
    "a step that names a later one",
    steps('{name: a, template: t, when: "{{steps.b.outputs.result}} == 1"}, {name: b, template: t}'),
    ["spec.templates[0].steps[0][0]: {{steps.b…}} is not a step before this one"],
  ],
  [
    "an unknown task in depends",
    dag("{name: A, template: t}, {name: B, template: t, depends: AA}"),
    ["spec.templates[0].dag.tasks[1].depends: there is no task AA; did you mean A?"],
  ],
  [
    "a bad depends",
    dag("{name: A, template: t, depends: 'B &&'}"),
    ['spec.templates[0].dag.tasks[0].depends: depends: unexpected token end of expression in "B &&"'],
  ],
  [
    "a cycle",
    dag("{name: A, template: t, depends: C}, {name: B, template: t, depends: A}, {name: C, template: t, depends: B}"),
    ["spec.templates[0].dag.tasks: cycle: A → C → B → A"],
  ],
  [
    "two kinds of loops",
    steps("{name: a, template: t, withItems: [1], withParam: '[]'}"),
    ["spec.templates[0].steps[0][0]: only one of withItems, withParam and withSequence may be given"],
  ],
  [
    "an argument without a value",
    `${one(pod)}\narguments: {parameters: [{name: x}]}`,
    ["spec.arguments.parameters[0].value: parameter x needs a value"],
  ],
  [
    "a ConfigMap that is not there",
    `${one(pod)}\narguments: {parameters: [{name: x, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}`,
    ["spec.arguments.parameters[0].valueFrom.configMapKeyRef: ConfigMap c has no key k"],
  ],
  [
    "an input that nobody supplies",
    `entrypoint: m\ntemplates:\n- name: m\n  steps: [[{name: a, template: u}]]\n- {name: u, inputs: {parameters: [{name: x}]}, ${pod}}`,
    ["spec.templates[0].steps[0][0].arguments.parameters: x was not supplied, and template u has no default for it"],
  ],
  [
    "a type that is not supported",
    one("plugin: {x: {}}"),
    ["spec.templates[0].plugin: templates of this type are not supported"],
  ],
  [
    "an artifact plugin",
    one(`${pod}, outputs: {artifacts: [{name: a, path: /a, plugin: {name: p, key: k}}]}`),
    ["spec.templates[0].outputs.artifacts[0].plugin: artifact plugins are not supported: name a store"],
  ],
  [
    "a store that is not supported",
    one(`${pod}, inputs: {artifacts: [{name: a, path: /a, azure: {blob: b}}]}`),
    ["spec.templates[0].inputs.artifacts[0].azure: this store is not supported"],
  ],
  [
    "a tag that names nothing",
    one('container: {image: i, args: ["{{inputs.parameters.x}} {{ other }}"]}'),
    ["spec.templates[0].container.args[0]: {{inputs.parameters.x}} names nothing that is there"],
  ],
  [
    "an output that a step does not have",
    steps("{name: a, template: t}], [{name: b, template: t, when: '{{steps.a.outputs.parameters.y}} == 1'}"),
    [
      "spec.templates[0].steps[1][0].when: {{steps.a.outputs.parameters.y}} names nothing that is there; did you mean {{steps.a.outputs.result}}?",
    ],
  ],
  [
    "a field of a loop's items",
    steps("{name: a, template: t, withItems: [{k: 1}], when: '{{item.kk}} == 1'}"),
    ["spec.templates[0].steps[0][0].when: {{item.kk}} names nothing that is there; did you mean {{item.k}}?"],
  ],
  ["tags of programs", one('container: {image: i, args: ["{{ .Values.x }} {{foo}}"]}'), []],
  [
    "a value outside of its enum",
    `${one(pod)}\narguments: {parameters: [{name: x, value: c, enum: [a, b]}, {name: y, value: 1, enum: []}]}`,
    [
      'spec.arguments.parameters[0].value: "c" is none of the values of x: a, b',
      "spec.arguments.parameters[1].enum: needs at least one value",
    ],
  ],
  [
    "a value outside of the enum of an input",
    `entrypoint: m\ntemplates:\n- name: m\n  steps: [[{name: a, template: u, arguments: {parameters: [{name: x, value: c}]}}]]\n- {name: u, inputs: {parameters: [{name: x, enum: [a, b], default: z}]}, ${pod}}`,
    [
      'spec.templates[0].steps[0][0].arguments.parameters[0].value: "c" is none of the values of x: a, b',
      'spec.templates[1].inputs.parameters[0].default: "z" is none of the values of x: a, b',
    ],
  ],
  [
    "values that are not of their types",
    `entrypoint: m
workflowMetadata: {annotations: {capstan.dev/parameter-types: "{n: integer, m: integer, tt: string}"}}
arguments: {parameters: [{name: n, value: many}, {name: m, value: "{{workflow.name}}"}, {name: t, value: x}]}
templates:
- name: m
  steps: [[{name: a, template: u, arguments: {parameters: [{name: x, value: 9}]}}, {name: b, template: u, arguments: {parameters: [{name: x, value: "{{workflow.parameters.n}}"}]}}]]
- name: u
  metadata: {annotations: {capstan.dev/parameter-types: '{"x": {"type": "integer", "maximum": 3}, "y": "int", "z": "json"}'}}
  inputs: {parameters: [{name: x, default: none}, {name: y, default: a}]}
  ${pod}`,
    [
      "spec.workflowMetadata.annotations.capstan.dev/parameter-types.tt: the workflow has no parameter tt; did you mean t?",
      'spec.arguments.parameters[0].value: n must be an integer, not "many"',
      'spec.templates[0].steps[0][0].arguments.parameters[0].value: x of template u must be an integer, at most 3, not "9"',
      'spec.templates[1].metadata.annotations.capstan.dev/parameter-types.y: "int" is none of integer, number, boolean, string, json, duration, quantity, date-time',
      "spec.templates[1].metadata.annotations.capstan.dev/parameter-types.z: template u has no parameter z; did you mean x?",
      'spec.templates[1].inputs.parameters[0].default: x must be an integer, at most 3, not "none"',
    ],
  ],
  ["no image", one("container: {}"), ["spec.templates[0].container.image: is required"]],
  [
    "an output without a source",
    one(`${pod}, outputs: {parameters: [{name: x}, {name: y, valueFrom: {jsonPath: a}}]}`),
    [
      "spec.templates[0].outputs.parameters[0]: value or valueFrom is required",
      "spec.templates[0].outputs.parameters[1].valueFrom: one of path is required in a template of type container",
    ],
  ],
  [
    "two things at one path",
    one(
      "container: {image: i, volumeMounts: [{name: v, mountPath: /a}]}, inputs: {artifacts: [{name: x, path: /a, raw: {data: x}}]}",
    ),
    ["spec.templates[0].inputs.artifacts[0].path: /a is already mounted from volume v"],
  ],
  [
    "parallelism of a pod",
    one(`${pod}, parallelism: 2`),
    ["spec.templates[0].parallelism: is for steps and dag templates"],
  ],
  [
    "an argument that has no source",
    steps("{name: a, template: t, arguments: {parameters: [{name: x}], artifacts: [{name: y}]}}"),
    [
      "spec.templates[0].steps[0][0].arguments.parameters[0].value: parameter x needs a value",
      "spec.templates[0].steps[0][0].arguments.artifacts[0]: artifact y needs from, a key or a place",
    ],
  ],
  [
    "results of a loop where there is none",
    dag("{name: A, template: t}, {name: B, template: t, depends: A.AnySucceeded}"),
    ["spec.templates[0].dag.tasks[1].depends: AnySucceeded and AllFailed are for loops, and A is none"],
  ],
  [
    "both ways to wait",
    dag("{name: A, template: t}, {name: B, template: t, depends: A}, {name: C, template: t, dependencies: [A]}"),
    ["spec.templates[0].dag.tasks[2].dependencies: other tasks of this template use depends: use it here too"],
  ],
  [
    "a manifest that is no YAML",
    one("resource: {action: create, manifest: 'a: [1'}"),
    [
      "spec.templates[0].resource.manifest: must be YAML: resource.manifest is neither JSON nor YAML: Flow sequence in block collection must be sufficiently indented and end with a ] at line 1, column 6:",
    ],
  ],
  [
    "an expression that cannot be read",
    one("container: {image: i, args: ['{{=1 +}} {{=workflow.name + 1}} {{=1 + true}}']}"),
    [
      'spec.templates[0].container.args[0]: unexpected token end of expression at position 3 of "1 +"',
      "spec.templates[0].container.args[0]: invalid operation: + (mismatched types int and bool)",
    ],
  ],
  [
    "conditions and paths that cannot be read",
    one(
      "resource: {action: get, successCondition: 'a >= 1'}, outputs: {parameters: [{name: x, valueFrom: {jsonPath: '{.a'}}]}",
    ),
    [
      'spec.templates[0].resource.successCondition: condition "a >= 1": > needs a whole number',
      'spec.templates[0].outputs.parameters[0].valueFrom.jsonPath: jsonpath: unclosed action in "{.a"',
    ],
  ],
  [
    "a template that is not there to run",
    "workflowTemplateRef: {name: gone}",
    ["spec.workflowTemplateRef.name: WorkflowTemplate gone not found"],
  ],
];
for (const [name, spec, expected] of golden)
  test(`validation: ${name}`, () => assert.deepEqual(problemsOf(spec), expected));

test("validation follows references into other templates", () => {
  const lib: WorkflowSpec = { templates: [{ name: "x", steps: [[{ name: "s", template: "nope" }]] }] };
  const spec = steps("{name: a, templateRef: {name: lib, template: x}}");
  assert.deepEqual(problemsOf(spec, { "namespaced/lib": lib }), [
    "namespaced/lib.x.steps[0][0].template: template nope not found in WorkflowTemplate lib",
  ]);
});

test("a workflow of a template is checked with its own arguments", () => {
  const spec: WorkflowSpec = {
    entrypoint: "m",
    arguments: { parameters: [{ name: "x" }] },
    templates: [{ name: "m", container: { image: "i" } }],
  };
  const ref = "workflowTemplateRef: {name: t}";
  assert.deepEqual(problemsOf(ref, { "namespaced/t": spec }), [
    "spec.arguments.parameters[0].value: parameter x needs a value",
  ]);
  const typed = specWithTypes({
    metadata: { annotations: { "capstan.dev/parameter-types": "x: {type: integer, minimum: 2}" } },
    spec,
  });
  // Who uses a template cannot take back what it says.
  const loose = "workflowMetadata: {annotations: {capstan.dev/parameter-types: 'x: string'}}";
  for (const more of ["", loose]) {
    const given = `${ref}\narguments: {parameters: [{name: x, value: 1}]}\n${more}`;
    assert.deepEqual(problemsOf(given, { "namespaced/t": typed }), [
      'spec.arguments.parameters[0].value: x must be an integer, at least 2, not "1"',
    ]);
  }
  assert.deepEqual(problemsOf(`${ref}\narguments: {parameters: [{name: x, value: 1}]}`, { "namespaced/t": spec }), []);
});
