// records.capstan.dev: the archive of workflows, lineage and shared semaphores, under RBAC as any other resource.
import type { Records } from "@capstan/core/records";
import type { ExtensionFactory } from "../request.ts";
import { archiveAnswers, labelAnswers } from "./archive.ts";
import { recordsEndpoint } from "./endpoint.ts";
import { archivedLabels, archivedWorkflows, lineages, semaphoreLimits } from "./kinds.ts";
import { limitAnswers } from "./limits.ts";
import { lineageAnswers } from "./lineage.ts";

export function createRecordsApi(records: Records): ExtensionFactory {
  return () => ({
    kinds: [archivedWorkflows, archivedLabels, lineages, semaphoreLimits],
    endpoints: [
      recordsEndpoint(archivedWorkflows, records, archiveAnswers),
      recordsEndpoint(archivedLabels, records, labelAnswers),
      recordsEndpoint(lineages, records, lineageAnswers),
      recordsEndpoint(semaphoreLimits, records, limitAnswers),
    ],
  });
}
