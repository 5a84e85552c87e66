// Reads the protobuf facts of Kubernetes API types from their Go struct tags.
import { readdirSync, readFileSync } from "node:fs";

/** How one field travels in protobuf: its number, and whether Go holds it behind a pointer. */
export interface WireFact {
  number: number;
  pointer: boolean;
  goType: string;
}

/** A struct's own fields by JSON name, and the structs that it embeds with the protobuf number of each. */
export interface GoStruct {
  fields: Map<string, WireFact>;
  embeds: { struct: string; number: number }[];
}

const field = /^\s+(?:(\w+)\s+)?([*[\]\w.]+)\s+`json:"([^"]*)"\s*(?:.*protobuf:"(?:bytes|varint|fixed64),(\d+),[^"]*)?/;

/** Parses every struct of `types*.go` in a directory. */
export function readGoStructs(directory: string): Map<string, GoStruct> {
  const structs = new Map<string, GoStruct>();
  for (const name of readdirSync(directory)) {
    if (!/^types.*\.go$/.test(name) || name.includes("swagger_doc")) continue;
    readFile(readFileSync(`${directory}/${name}`, "utf8"), structs);
  }
  return structs;
}

function readFile(source: string, structs: Map<string, GoStruct>): void {
  for (const match of source.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
    const [, name, body] = match;
    structs.set(name ?? "", readStruct(body ?? ""));
  }
}

function readStruct(body: string): GoStruct {
  const struct: GoStruct = { fields: new Map(), embeds: [] };
  for (const line of body.split("\n")) {
    const match = field.exec(line.replace(/\/\/ .*$/, ""));
    if (!match) continue;
    const [, , goType = "", json = "", number] = match;
    const [jsonName = "", ...options] = json.split(",");
    if (!number) continue;
    if (jsonName === "" && options.includes("inline")) {
      struct.embeds.push({ struct: goType.replace(/^.*\./, ""), number: Number(number) });
      continue;
    }
    struct.fields.set(jsonName, { number: Number(number), pointer: goType.startsWith("*"), goType });
  }
  return struct;
}
