import { StatusError } from "@capstan/api/meta";

/** The form in which a client wants its answer. */
export interface Negotiated {
  as: "object" | "table" | "partial" | "partialList";
  /** The group version of a Table or PartialObjectMetadata: v1 or v1beta1. */
  version: string;
  encoding: "json" | "yaml";
}

const plain: Negotiated = { as: "object", version: "v1", encoding: "json" };
const encodings: Record<string, "json" | "yaml"> = {
  "application/json": "json",
  "application/yaml": "yaml",
  "*/*": "json",
};
const shapes: Record<string, Negotiated["as"]> = {
  Table: "table",
  PartialObjectMetadata: "partial",
  PartialObjectMetadataList: "partialList",
};

interface Clause {
  type: string;
  parameters: Record<string, string>;
  quality: number;
}

/** The clauses of an Accept header, best first. */
export function parseAccept(accept: string | undefined): Clause[] {
  if (!accept) return [];
  const clauses = accept.split(",").map((text) => {
    const [type = "", ...rest] = text.split(";").map((part) => part.trim());
    const parameters = Object.fromEntries(
      rest.map((part) => part.split("=", 2).map((side) => side.trim()) as [string, string]),
    );
    return { type: type.toLowerCase(), parameters, quality: Number(parameters.q ?? 1) };
  });
  return clauses.filter(({ type }) => type !== "").sort((a, b) => b.quality - a.quality);
}

const streamed = ", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";

/**
 * Chooses the form of an answer; protobuf is passed over for JSON when the client also takes that.
 * @param lists whether the answer could be a watch.
 * Throws NotAcceptable when the client takes nothing that is served here.
 */
export function negotiate(accept: string | undefined, lists = false): Negotiated {
  if (!accept || accept === "application/json") return plain;
  const clauses = parseAccept(accept);
  for (const { type, parameters } of clauses) {
    const encoding = encodings[type];
    if (!encoding) continue;
    if (!parameters.as) return encoding === "json" ? plain : { ...plain, encoding };
    const as = shapes[parameters.as];
    if (!as || parameters.g !== "meta.k8s.io" || !/^v1(beta1)?$/.test(parameters.v ?? "")) continue;
    return { as, version: parameters.v ?? "v1", encoding };
  }
  if (clauses.every(({ type }) => type === "application/vnd.kubernetes.protobuf")) return plain;
  const known = clauses.some(({ type }) => encodings[type]);
  const types = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
  throw known
    ? new StatusError("NotAcceptable", `only the following media types are accepted: ${types}`)
    : new StatusError(
        "NotAcceptable",
        `406: Not Acceptable\n\nAvailable representations: ${types}${lists ? streamed : ""}`,
        {},
      );
}
