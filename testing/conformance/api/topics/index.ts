// What is asked, by topic; fixtures hold what a kube-apiserver answered.
import type { Scenarios } from "../recording.ts";
import { admission } from "./admission.ts";
import { apply } from "./apply.ts";
import { custom } from "./custom.ts";
import { definitions } from "./definitions.ts";
import { deletions } from "./deletions.ts";
import { discovery } from "./discovery.ts";
import { fields } from "./fields.ts";
import { identity } from "./identity.ts";
import { kinds } from "./kinds.ts";
import { objects } from "./objects.ts";
import { patches } from "./patches.ts";
import { paths } from "./paths.ts";
import { policies } from "./policies.ts";
import { selection } from "./selection.ts";
import { subresources } from "./subresources.ts";
import { tables } from "./tables.ts";
import { updates } from "./updates.ts";
import { validation } from "./validation.ts";

export const topics: Record<string, Scenarios> = {
  objects,
  paths,
  discovery,
  tables,
  selection,
  updates,
  deletions,
  patches,
  apply,
  kinds,
  validation,
  fields,
  subresources,
  definitions,
  custom,
  admission,
  policies,
  identity,
};
