// What was: archived workflows and lineage, for the command line and the console. Imports no node module.
export {
  type ArchiveSearch,
  archivedLabels,
  findArchived,
  resubmitArchived,
  retryArchived,
  searchArchive,
} from "./archive.ts";
export {
  describeLineage,
  drawLineage,
  type LineageAnswer,
  readLineageTarget,
  shortArtifact,
  traceLineage,
} from "./lineage.ts";
