// What a component is: its ports, parameters, how schemas pass through it, and its template for the workflow engine.
export { type Checked, checkComponent } from "./check.ts";
export {
  type ComponentDefinition,
  defineComponent,
  type InputPort,
  type OutputPort,
  type PortSchemas,
  type PortType,
  type Propagation,
  type RunContext,
} from "./definition.ts";
export { checkGraph, type GraphContext, type GraphTask, type Source } from "./graph.ts";
export {
  defaultText,
  namesToText,
  type Parameter,
  type Parameters,
  type ParameterValue,
  type ParameterValues,
  type Text,
} from "./parameter.ts";
export { type Parsed, parameterLimit, parseParameters } from "./parse.ts";
export { ComponentError, type Problem, problemText, unknownName } from "./problem.ts";
export {
  type Column,
  type ColumnRole,
  type ColumnType,
  columnOf,
  columnRoles,
  columnTypes,
  isNumeric,
  type TableSchema,
  withRole,
} from "./schema.ts";
export {
  type CatalogueEntry,
  type ComponentsTemplate,
  type ComponentTemplate,
  componentNames,
  toTemplates,
} from "./templates.ts";
export { componentTasks, type WorkflowShape } from "./workflow-tasks.ts";
