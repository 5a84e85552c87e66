// Writes the messages that a gRPC client needs as a compact descriptor and as types, from upstream's .proto files:
// node tools/codegen/protobuf.ts <Go module cache>
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import protobuf from "protobufjs";

interface Source {
  /** Below the module cache. */
  files: string[];
  /** Methods by the name of their service. */
  methods: Record<string, string[]>;
  out: string;
}

const containerd = "github.com/containerd/containerd/api@v1.8.0";
const all: Source[] = [
  {
    files: ["k8s.io/cri-api@v0.33.4/pkg/apis/runtime/v1/api.proto"],
    methods: {
      "runtime.v1.RuntimeService": [
        ...["Version", "Status", "RuntimeConfig", "GetContainerEvents"],
        ...["RunPodSandbox", "StopPodSandbox", "RemovePodSandbox", "PodSandboxStatus", "ListPodSandbox"],
        ...["CreateContainer", "StartContainer", "StopContainer", "RemoveContainer", "ListContainers"],
        ...["ContainerStatus", "ContainerStats", "ReopenContainerLog", "ExecSync", "Exec", "Attach", "PortForward"],
      ],
      "runtime.v1.ImageService": ["ListImages", "ImageStatus", "PullImage", "RemoveImage", "ImageFsInfo"],
    },
    out: "core/runtime/remote/generated/runtime-v1",
  },
  {
    files: [
      `${containerd}/types/mount.proto`,
      `${containerd}/types/event.proto`,
      `${containerd}/services/events/v1/events.proto`,
      `${containerd}/services/snapshots/v1/snapshots.proto`,
    ],
    methods: {
      "containerd.services.events.v1.Events": ["Subscribe"],
      "containerd.services.snapshots.v1.Snapshots": ["Mounts"],
    },
    out: "core/runtime/remote/generated/containerd",
  },
  {
    files: ["k8s.io/kubelet@v0.34.1/pkg/apis/deviceplugin/v1beta1/api.proto"],
    methods: {
      "v1beta1.Registration": ["Register"],
      "v1beta1.DevicePlugin": [
        ...["GetDevicePluginOptions", "ListAndWatch", "GetPreferredAllocation", "Allocate", "PreStartContainer"],
      ],
    },
    out: "cluster/node/devices/generated/device-plugin",
  },
];

const scalars: Record<string, string> = { string: "string", bool: "boolean", bytes: "Uint8Array" };
/** What CRI has for another system is not sent. */
const unwanted = /Windows/;
const keyOf = (type: protobuf.ReflectionObject) => type.fullName.slice(1);
const [modules] = process.argv.slice(2);
if (!modules) throw new Error("usage: protobuf.ts <Go module cache, e.g. ~/go/pkg/mod>");
for (const source of all) write(source, `${modules}/`);

function write({ files, methods, out }: Source, cache: string): void {
  const root = new protobuf.Root();
  for (const file of ["timestamp", "any", "empty", "field_mask"])
    root.addJSON(protobuf.common.get(`google/protobuf/${file}.proto`)?.nested ?? {});
  for (const file of files) protobuf.parse(readFileSync(cache + file, "utf8"), root, { keepCase: false });
  root.resolveAll();
  const types = new Set<protobuf.Type | protobuf.Enum>();
  const services: Record<string, Record<string, object>> = {};
  for (const [service, names] of Object.entries(methods)) {
    const rows: Record<string, object> = {};
    for (const name of names) {
      const method = root.lookupService(service).methods[name]?.resolve() as protobuf.Method | undefined;
      if (!method?.resolvedRequestType || !method.resolvedResponseType) throw new Error(`${service} has no ${name}`);
      const [request, response] = [method.resolvedRequestType, method.resolvedResponseType];
      collect(request, types);
      collect(response, types);
      rows[name] = {
        request: keyOf(request),
        response: keyOf(response),
        ...(method.responseStream ? { stream: true } : {}),
      };
    }
    services[service] = rows;
  }
  const sorted = [...types].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const directory = new URL(`../../${out}`, import.meta.url);
  mkdirSync(new URL(".", directory), { recursive: true });
  writeFileSync(`${directory.pathname}.json`, descriptor(sorted, services));
  writeFileSync(`${directory.pathname}.ts`, declarations(sorted, services, files));
}

function fieldsOf(type: protobuf.Type): protobuf.Field[] {
  return type.fieldsArray.filter((field) => !unwanted.test(field.type) && !field.options?.deprecated);
}

function collect(type: protobuf.Type | protobuf.Enum, into: Set<protobuf.Type | protobuf.Enum>): void {
  if (into.has(type)) return;
  into.add(type);
  if (!(type instanceof protobuf.Type)) return;
  for (const field of fieldsOf(type))
    if (field.resolve().resolvedType) collect(field.resolvedType as protobuf.Type, into);
}

/** `[number, type, "many" or the key type of a map]` of each field. */
function descriptor(types: (protobuf.Type | protobuf.Enum)[], services: object): string {
  const row = (type: protobuf.Type | protobuf.Enum) => {
    if (type instanceof protobuf.Enum) return { values: type.values };
    const fields = fieldsOf(type).map((field) => {
      const kind = field.resolvedType ? keyOf(field.resolvedType) : field.type;
      const many = field instanceof protobuf.MapField ? [field.keyType] : field.repeated ? ["many"] : [];
      return [field.name, [field.id, kind, ...many]];
    });
    return { fields: Object.fromEntries(fields) };
  };
  const lines = types.map((type) => `${JSON.stringify(keyOf(type))}: ${JSON.stringify(row(type))}`);
  const rows = Object.entries(services).map(([name, methods]) => `${JSON.stringify(name)}: ${JSON.stringify(methods)}`);
  return `{"types": {\n${lines.join(",\n")}\n}, "services": {\n${rows.join(",\n")}\n}}\n`;
}

function declarations(
  types: (protobuf.Type | protobuf.Enum)[],
  services: Source["methods"] | object,
  files: string[],
): string {
  const nameOf = (type: protobuf.ReflectionObject) => type.name;
  const lines = types.map((type) => {
    if (type instanceof protobuf.Enum) {
      return `export type ${type.name} = ${Object.keys(type.values)
        .map((value) => JSON.stringify(value))
        .join(" | ")};`;
    }
    const fields = fieldsOf(type).map((field) => {
      const one = field.resolvedType ? nameOf(field.resolvedType) : (scalars[field.type] ?? "number");
      const kind = field instanceof protobuf.MapField ? `Record<string, ${one}>` : field.repeated ? `${one}[]` : one;
      return `${field.name}?: ${kind};`;
    });
    return `export interface ${type.name} { ${fields.join(" ")} }`;
  });
  const calls = Object.entries(services).flatMap(([service, methods]) =>
    Object.entries(methods as Record<string, { request: string; response: string }>).map(
      ([name, { request, response }]) => {
        const last = (key: string) => key.split(".").at(-1);
        return `  "${service}/${name}": { request: ${last(request)}; response: ${last(response)} };`;
      },
    ),
  );
  const head = `// Generated by tools/codegen/protobuf.ts from ${files.join(", ")}.`;
  return `${head}\n${lines.join("\n")}\nexport interface Methods {\n${calls.join("\n")}\n}\n`;
}
