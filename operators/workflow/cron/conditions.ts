// The expressions of a CronWorkflow: when it stops for good, and whether one time counts.
import type { CronWorkflow, CronWorkflowStatus } from "@capstan/api/kinds/workflow";
import { evaluateCondition, evaluateCronWhen, evaluateExpression, Moment, textOf } from "../expressions/index.ts";

export function isStopped(cron: CronWorkflow, status: CronWorkflowStatus): boolean {
  const { stopStrategy } = cron.spec;
  return stopStrategy !== undefined && evaluateCondition(stopStrategy.expression, environmentOf(cron, status));
}

export function isWanted(cron: CronWorkflow, status: CronWorkflowStatus): boolean {
  const { when } = cron.spec;
  return !when || evaluateCronWhen(fill(when, environmentOf(cron, status)));
}

function environmentOf({ metadata }: CronWorkflow, status: CronWorkflowStatus): Record<string, unknown> {
  const last = status.lastScheduledTime;
  const { name, namespace = "", labels = {}, annotations = {} } = metadata;
  return {
    cronworkflow: {
      name,
      namespace,
      labels: { json: JSON.stringify(labels), ...labels },
      annotations: { json: JSON.stringify(annotations), ...annotations },
      lastScheduledTime: last ? new Moment(Date.parse(last)) : null,
      failed: status.failed ?? 0,
      succeeded: status.succeeded ?? 0,
    },
  };
}

/** Replaces `{{=expression}}` and `{{name}}`. */
function fill(text: string, environment: Record<string, unknown>): string {
  return text.replace(/\{\{(=?)([\s\S]*?)\}\}/g, (_, _equals: string, expression: string) =>
    textOf(evaluateExpression(expression.trim(), environment)),
  );
}
