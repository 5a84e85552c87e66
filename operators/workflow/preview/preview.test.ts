import assert from "node:assert/strict";
import { test } from "node:test";
import type { Workflow, WorkflowSpec } from "@capstan/api/kinds/workflow";
import { previewDot, previewMermaid, previewSvg, previewText, previewWorkflow } from "./index.ts";

const pod = { image: "i" };
const diamond: WorkflowSpec = {
  entrypoint: "main",
  onExit: "pod",
  arguments: {
    parameters: [
      { name: "n", value: "2" },
      { name: "list", value: '["x","y"]' },
    ],
  },
  templates: [
    {
      name: "main",
      dag: {
        tasks: [
          { name: "A", template: "pod" },
          { name: "B", template: "inner", dependencies: ["A"], withParam: "{{workflow.parameters.list}}" },
          {
            name: "C",
            templateRef: { name: "lib", template: "t" },
            dependencies: ["A"],
            when: "{{workflow.parameters.n}} > 2",
          },
          { name: "D", template: "pod", depends: "B && C.Skipped" },
        ],
      },
    },
    { name: "inner", steps: [[{ name: "s", template: "pod" }], [{ name: "again", template: "inner" }]] },
    { name: "pod", container: pod },
  ],
};
const workflow = (spec: WorkflowSpec) => ({ metadata: { name: "wf" }, spec }) as Workflow;
const preview = previewWorkflow(workflow(diamond), () => undefined);

test("loops are unrolled, conditions decided, and each template of steps is drawn once", () => {
  assert.deepEqual(
    preview.sections.map(({ title }) => title),
    ["main", "inner"],
  );
  const [a, b, c, d] = preview.sections[0]?.tasks ?? [];
  assert.deepEqual(a?.lines, ["pod"]);
  assert.deepEqual([b?.title, b?.lines, b?.inner], ["B ×2", ["inner", "each of x, y"], "inner"]);
  assert.deepEqual([c?.kind, c?.skipped, c?.lines], ["missing", true, ["lib/t", "when 2 > 2"]]);
  assert.equal(d?.skipped, false);
  assert.deepEqual(preview.sections[0]?.edges, [
    ["A", "B"],
    ["A", "C"],
    ["B", "D"],
    ["C", "D"],
  ]);
  assert.deepEqual(preview.hooks, [["exit", "pod"]]);
  assert.throws(
    () => previewWorkflow(workflow({ ...diamond, entrypoint: "mian" }), () => undefined),
    /did you mean main/,
  );
});

test("parameters have their types, where these are said", () => {
  const typed = { workflowMetadata: { annotations: { "capstan.dev/parameter-types": "n: integer" } }, ...diamond };
  assert.deepEqual(previewWorkflow(workflow(typed), () => undefined).parameters, [
    ["n (integer)", "2"],
    ["list", '["x","y"]'],
  ]);
});

test("a terminal gets boxes that are joined", () => {
  const simple = diamond.templates?.map((template) =>
    template.name === "main"
      ? { name: "main", dag: { tasks: "A B:A C:A D:B,C E:A,D".split(" ").map(task) } }
      : template,
  );
  const lines = previewText(
    previewWorkflow(workflow({ entrypoint: "main", templates: simple ?? [] }), () => undefined),
  );
  assert.deepEqual(lines, [
    "wf",
    "",
    "main",
    "       ╭─────╮",
    "       │ A   │",
    "       │ pod │",
    "       ╰──┬──╯",
    "   ╭──────┴──┬──────╮",
    "╭──┴──╮   ╭──┴──╮   │",
    "│ B   │   │ C   │   │",
    "│ pod │   │ pod │   │",
    "╰──┬──╯   ╰──┬──╯   │",
    "   ╰────┬────╯      │",
    "        │      ╭────╯",
    "     ╭──┴──╮   │",
    "     │ D   │   │",
    "     │ pod │   │",
    "     ╰──┬──╯   │",
    "        ╰─┬────╯",
    "       ╭──┴──╮",
    "       │ E   │",
    "       │ pod │",
    "       ╰─────╯",
  ]);
});

function task(text: string) {
  const [name = "", needs] = text.split(":");
  return { name, template: "pod", ...(needs ? { dependencies: needs.split(",") } : {}) };
}

test("other tools' languages are quoted, and the picture is closed", () => {
  const odd = previewWorkflow(
    workflow({
      entrypoint: "m",
      templates: [
        {
          name: "m",
          steps: [[{ name: "s", template: "p", arguments: { parameters: [{ name: "x", value: '"<a>&\\' }] } }]],
        },
        { name: "p", container: pod },
      ],
    }),
    () => undefined,
  );
  assert.match(previewDot(odd).join("\n"), /"0\.0\.s" \[label="s\\np\\nx = \\"<a>&\\\\"\];/);
  assert.match(previewMermaid(odd).join("\n"), /s0t0\["s<br\/>p<br\/>x = #34;#60;a#62;#38;\\"\]/);
  const svg = previewSvg(odd).join("");
  assert.match(svg, /x = &#34;&#60;a&#62;&#38;\\<\/text>/);
  assert.equal(svg.split("<rect").length - 1, 2);
  assert.match(svg, /<\/svg>$/);
});

test("a circle and a task that is not there do not stop it", () => {
  const tasks = [
    { name: "a", template: "p", dependencies: ["b"] },
    { name: "b", template: "p", dependencies: ["a", "none"] },
  ];
  const spec = {
    entrypoint: "m",
    templates: [
      { name: "m", dag: { tasks } },
      { name: "p", container: pod },
    ],
  };
  assert.match(previewText(previewWorkflow(workflow(spec), () => undefined)).join("\n"), /│ a │/);
});
