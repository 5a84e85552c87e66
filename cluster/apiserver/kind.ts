import type { KubeObject, Resource, StatusError } from "@capstan/api/meta";
import type { Schema, StructSchema } from "@capstan/api/schema";
import type { Principal } from "@capstan/base/http";
import type { FieldErrors } from "./field-errors.ts";
import type { Column } from "./table/column.ts";

// biome-ignore lint/suspicious/noExplicitAny: rules of many kinds stand in one table, each typed where it is written
export type AnyObject = any;

export interface PrepareContext {
  principal: Principal;
  /** Empty for the object itself. */
  subresource: string;
  dryRun: boolean;
}

/** What is particular to a kind. Absent parts mean nothing to do. */
export interface Rules<T = AnyObject> {
  /** Fills in what upstream fills in; runs on whatever a client sends, before admission. */
  defaults?(object: T): void;
  /** Runs after admission, before validation: resets fields that clients may not set, allocates. `old` on updates. */
  prepare?(object: T, old: T | undefined, context: PrepareContext): void;
  /** What to tell whoever writes the object, which is none the worse for it. */
  warnings?(object: T, old?: T): string[];
  /** Undoes what prepare allocated, when the write failed after it. */
  release?(object: T, old?: T): void;
  /** `subresource` is empty for the object itself. */
  validate?(object: T, errors: FieldErrors, old: T | undefined, subresource: string): void;
  /** Runs after a create or an update is stored. */
  stored?(object: T): void;
  /** Runs after an update is stored, with what was there before. */
  written?(object: T, old: T): void;
  /** Runs after the object is gone from the store. */
  deleted?(object: T): void;
  /** Selectable fields beyond metadata.name and metadata.namespace. */
  fields?: Record<string, (object: T) => string>;
  /** How clients name those fields, where that is not as they are kept. */
  fieldNames?: Readonly<Record<string, string>>;
  /** Values of those fields that nearly every object has: they are not kept in memory for each. */
  usualFields?: Readonly<Record<string, string>>;
  columns?: Column<T>[];
  /** Seconds between the request to delete and the end, for kinds that end gracefully. */
  grace?(object: T, asked: number | undefined): number;
  /** Dependents stay unless a deletion says otherwise; what to say of it. */
  orphans?: { warning?: string };
  /** Why an object may not be deleted. */
  refuseDelete?(object: T): StatusError | undefined;
  /** Creators may set the status; otherwise it is dropped where there is a status subresource. */
  statusOnCreate?: true;
}

export interface ScalePaths {
  spec: string;
  status: string;
  selector?: string;
}

/** A subresource's verbs, and the kind it speaks. */
export interface SubresourceFact {
  verbs: string[];
  kind: { group: string; version: string; kind: string };
}

/** A served version of a resource. */
export interface Kind extends Resource {
  singular: string;
  shortNames: string[];
  categories: string[];
  listKind: string;
  /** As discovery tells them. */
  verbs: string[];
  subresources: string[];
  /** Where they are known better than by their names. */
  subresourceFacts?: Record<string, SubresourceFact>;
  /** Whether status is written through `/status` alone. */
  statusSubresource: boolean;
  scale?: ScalePaths;
  schema: StructSchema;
  rules: Rules;
  /** Where its objects lie in the store: shared by all versions of a resource. */
  prefix: string;
  /** apiVersion of the stored bytes. */
  storedVersion: string;
  /** Between the stored and the served form, beyond the apiVersion. */
  convert?: { fromStored(object: KubeObject): KubeObject; toStored(object: KubeObject): KubeObject };
  /** Objects may be stored in any of several versions. */
  mixed?: true;
  /** Turns objects into a version by a webhook; those that have it already are given back as they are. */
  converter?: (objects: readonly KubeObject[], apiVersion: string) => Promise<KubeObject[]>;
  custom?: CustomKind;
  deprecation?: string;
}

/** What a custom kind brings of its own. */
export interface CustomKind {
  /** Drops unknown fields and fills in defaults; returns the paths of dropped fields. */
  prune(object: KubeObject): string[];
  /** Returns warnings: what is wrong but was so before the update. */
  validate(object: KubeObject, old: KubeObject | undefined, errors: FieldErrors): string[];
  /** The served version's OpenAPI schema. */
  openapi: Record<string, unknown>;
}

export type { Schema };
