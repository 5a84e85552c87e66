import assert from "node:assert/strict";
import { test } from "node:test";
import { catalogue } from "@capstan/components/library";
import { checkComponent, componentNames, parseParameters, toTemplates } from "./index.ts";

const made = toTemplates(catalogue.values());

test("each component becomes a template that the workflow engine can run", () => {
  const split = made.spec.templates.find(({ name }) => name === "split");
  assert.deepEqual(split?.container, {
    image: "capstan/components",
    command: ["capstan-component"],
    args: [
      "split",
      "--ratio={{inputs.parameters.ratio}}",
      "--stratify={{inputs.parameters.stratify}}",
      "--seed={{inputs.parameters.seed}}",
    ],
  });
  assert.deepEqual(split?.inputs.artifacts, [{ name: "table", path: "/capstan/in/table" }]);
  assert.deepEqual(
    split?.outputs.artifacts.map(({ path, archive }) => [path, archive]),
    [
      ["/capstan/out/train", { none: {} }],
      ["/capstan/out/test", { none: {} }],
    ],
  );
  assert.deepEqual(split?.metadata.annotations, {
    "capstan.dev/memoize": "content",
    "capstan.dev/parameter-types":
      '{"ratio":{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1,"optional":true},"stratify":"string","seed":{"type":"integer","minimum":0,"maximum":2147483647,"optional":true}}',
    [componentNames.annotation]: "split",
    [componentNames.versionAnnotation]: "1.0.0",
  });
});

test("defaults of the templates are accepted by the components, and required parameters have none", () => {
  for (const template of made.spec.templates) {
    const definition = catalogue.get(template.name);
    assert.ok(definition);
    const defaults = Object.fromEntries(template.inputs.parameters.map(({ name, value }) => [name, value ?? "x"]));
    assert.deepEqual(parseParameters(definition.parameters, defaults).problems, [], template.name);
    for (const { name, value, enum: choices } of template.inputs.parameters) {
      if (choices) assert.ok(choices.includes(value ?? ""), `${template.name}.${name}`);
    }
  }
  const name = made.spec.templates.find((one) => one.name === "register")?.inputs.parameters[0];
  assert.deepEqual([name?.name, name?.value], ["name", undefined]);
});

test("the canvas learns titles, bounds and docs in both languages from the object alone", () => {
  const entries = JSON.parse(made.metadata.annotations[componentNames.catalogueAnnotation] ?? "");
  assert.deepEqual(
    entries.map((entry: { name: string }) => entry.name),
    [...catalogue.keys()],
  );
  for (const { title, docs, parameters } of entries) {
    for (const text of [
      title,
      docs,
      ...Object.values(parameters).flatMap((one) => [Object(one).title, Object(one).docs]),
    ]) {
      assert.ok(text.en.length > 0 && text.zh.length > 0);
    }
  }
  assert.ok(JSON.stringify(made).length < 200_000, "an object's annotations have room for 256 KiB");
});

test("components without known inputs find nothing wrong with their defaults", () => {
  for (const definition of catalogue.values()) {
    const { problems } = checkComponent(definition, { name: definition.name === "register" ? "m" : "" }, {});
    assert.deepEqual(
      problems.filter(({ path }) => path !== "name"),
      [],
      definition.name,
    );
  }
});
