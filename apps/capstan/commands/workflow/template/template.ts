// WorkflowTemplates and ClusterWorkflowTemplates: the same verbs.
import {
  type ClusterWorkflowTemplate,
  ClusterWorkflowTemplates,
  type WorkflowTemplate,
  WorkflowTemplates,
} from "@capstan/api/kinds/workflow";
import { isReason, type New, type ObjectRef, type Resource } from "@capstan/api/meta";
import { readManifests } from "@capstan/operators/workflow";
import { alignColumns, detailLine, timestamp } from "@capstan/operators/workflow/view";
import { parse, UsageError } from "../../usage.ts";
import { type Call, commonFlags, commonHelp, print, type Verb, withCluster } from "../call.ts";
import { type Output, outputFlag, printObject, readOutput } from "../output.ts";
import { readText } from "../text.ts";

type AnyTemplate = WorkflowTemplate | ClusterWorkflowTemplate;

interface Kind {
  verb: "template" | "cluster-template";
  kind: "WorkflowTemplate" | "ClusterWorkflowTemplate";
  resource: Resource<AnyTemplate>;
  isNamespaced: boolean;
}

const flags = {
  ...commonFlags,
  ...outputFlag,
  "all-namespaces": { type: "boolean", short: "A", default: false },
  selector: { type: "string", short: "l" },
  all: { type: "boolean", default: false },
} as const;

type Values = ReturnType<typeof parse<typeof flags>>["values"];
type Action = (kind: Kind, call: Call, targets: string[], values: Values, output: Output) => Promise<void>;

const actions: Record<string, Action> = { list, get, create, update, delete: remove };

export const template = verbOf({
  verb: "template",
  kind: "WorkflowTemplate",
  resource: WorkflowTemplates,
  isNamespaced: true,
});
export const clusterTemplate = verbOf({
  verb: "cluster-template",
  kind: "ClusterWorkflowTemplate",
  resource: ClusterWorkflowTemplates,
  isNamespaced: false,
});

function verbOf(kind: Kind): Verb {
  const name = `workflow ${kind.verb}`;
  return {
    help: helpOf(kind),
    async run(args) {
      const { values, positionals } = parse(name, args, flags, [
        "the action (list, get, create, update or delete)",
        "NAME...?",
      ]);
      const [action = "", ...targets] = positionals;
      const run = Object.hasOwn(actions, action) ? actions[action] : undefined;
      if (!run) throw new UsageError(name, `"${action}" is none of ${Object.keys(actions).join(", ")}`);
      if (targets.length === 0 && action !== "list" && !(action === "delete" && values.all))
        throw new UsageError(name, `${action} takes ${action === "get" || action === "delete" ? "a NAME" : "a FILE"}`);
      const output = readOutput(kind.verb, values.output);
      return withCluster(values, async (call) => {
        await run(kind, call, targets, values, output);
        return 0;
      });
    },
  };
}

function helpOf({ verb, kind, isNamespaced }: Kind): string {
  return `Usage: capstan workflow ${verb} list [-l SELECTOR]${isNamespaced ? " [-A]" : ""}
       capstan workflow ${verb} get NAME... [-o yaml]
       capstan workflow ${verb} create|update FILE...
       capstan workflow ${verb} delete NAME...|--all

${kind}s are kept to be submitted from, and to lend their templates to workflows.

Options:
  -o, --output FORMAT name, json, yaml or wide
  -l, --selector L    with these labels
  --all               delete all of them
${commonHelp}

Try:
  capstan workflow ${verb} create lib.yaml
  capstan workflow submit --from ${kind.toLowerCase()}/NAME`;
}

const place = ({ isNamespaced }: Kind, namespace: string) => (isNamespaced ? { namespace } : {});
const refIn = (kind: Kind, { namespace }: Call, name: string): ObjectRef => ({ ...place(kind, namespace), name });

async function list(
  kind: Kind,
  { client, namespace }: Call,
  _: string[],
  values: Values,
  output: Output,
): Promise<void> {
  const everywhere = values["all-namespaces"] && kind.isNamespaced;
  const { selector } = values;
  const { items } = await client.list(kind.resource, {
    ...(everywhere ? {} : place(kind, namespace)),
    ...(selector ? { labelSelector: selector } : {}),
  });
  if (output === "name") for (const { metadata } of items) print(metadata.name);
  else if (output === "json" || output === "yaml") for (const item of items) await printObject(item, output, () => []);
  else {
    const rows = items.map(({ metadata }) => [...(everywhere ? [metadata.namespace ?? ""] : []), metadata.name]);
    print(alignColumns([[...(everywhere ? ["NAMESPACE"] : []), "NAME"], ...rows]).join("\n"));
  }
}

async function get(kind: Kind, call: Call, names: string[], _: Values, output: Output): Promise<void> {
  for (const name of names) await tell(await call.client.get(kind.resource, refIn(kind, call, name)), output);
}

async function create(kind: Kind, call: Call, files: string[], _: Values, output: Output): Promise<void> {
  for (const object of await read(kind, call, files))
    await tell(await call.client.create(kind.resource, object), output);
}

async function update(kind: Kind, call: Call, files: string[], _: Values, output: Output): Promise<void> {
  for (const object of await read(kind, call, files)) {
    const { namespace = call.namespace, name = "" } = object.metadata;
    const { metadata } = await call.client.get(kind.resource, { ...place(kind, namespace), name });
    const { resourceVersion } = metadata;
    const next = { ...object, metadata: { ...object.metadata, resourceVersion } } as AnyTemplate;
    await tell(await call.client.update(kind.resource, next), output);
  }
}

async function remove(kind: Kind, call: Call, names: string[], values: Values): Promise<void> {
  const all = values.all ? (await call.client.list(kind.resource, place(kind, call.namespace))).items : [];
  for (const name of [...names, ...all.map(({ metadata }) => metadata.name)]) {
    try {
      await call.client.delete(kind.resource, refIn(kind, call, name));
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
      throw new Error(`there is no ${kind.kind} ${name}`);
    }
    print(`${kind.kind} '${name}' deleted`);
  }
}

/** The templates of the files; their namespace is the file's, else the one that was asked for. */
async function read(kind: Kind, call: Call, files: string[]): Promise<New<AnyTemplate>[]> {
  const found: New<AnyTemplate>[] = [];
  for (const file of files) {
    const objects = await readManifests(await readText(file));
    const own = objects.filter((object) => object.kind === kind.kind) as New<AnyTemplate>[];
    if (own.length === 0) throw new Error(`${file} holds no ${kind.kind}`);
    found.push(...own);
  }
  return found.map((object) => ({ ...object, metadata: { ...place(kind, call.namespace), ...object.metadata } }));
}

function tell(object: AnyTemplate, output: Output): Promise<void> {
  return printObject(object, output, ({ metadata }) => [
    detailLine("Name:", metadata.name),
    ...(metadata.namespace ? [detailLine("Namespace:", metadata.namespace)] : []),
    detailLine("Created:", timestamp(Date.parse(metadata.creationTimestamp ?? ""), Date.now())),
  ]);
}
