import { CloseOutlined } from "@ant-design/icons";
import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";
import { Button, Tabs, type TabsProps } from "antd";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { patientImport } from "../../api/patient.ts";
import { Code, Facts } from "../../ui/facts.tsx";
import { Phase } from "../../ui/phase.tsx";
import { Loading } from "../../ui/states.tsx";
import { Duration, Moment } from "../../ui/time.tsx";
import { InputsOutputs } from "./inputs-outputs.tsx";
import { NodeLogs } from "./node-logs.tsx";
import { isStep, labelOf } from "./node-map.ts";
import { podNameOf } from "./pod-name.ts";
import { reportOf } from "./report/read-report.ts";

const Report = lazy(async () => ({
  default: (await patientImport(() => import("./report/report-view.tsx"))).ReportView,
}));

export interface NodePanelProps {
  workflow: Workflow;
  node: NodeStatus;
  onClose: () => void;
}

/** All about one step. */
export function NodePanel({ workflow, node, onClose }: NodePanelProps) {
  const { t } = useTranslation();
  const report = reportOf(node);
  const [tab, setTab] = useState<string>();
  const items: NonNullable<TabsProps["items"]> = [
    { key: "summary", label: t("node.summary"), children: <Summary workflow={workflow} node={node} /> },
    { key: "logs", label: t("node.logs"), children: <NodeLogs workflow={workflow} node={node} /> },
    {
      key: "inputs",
      label: t("node.inputs"),
      children: <InputsOutputs of={node.inputs} namespace={workflow.metadata.namespace} />,
    },
    {
      key: "outputs",
      label: t("node.outputs"),
      children: <InputsOutputs of={node.outputs} namespace={workflow.metadata.namespace} />,
    },
  ];
  if (report) {
    const children = (
      <Suspense fallback={<Loading />}>
        <Report report={report} />
      </Suspense>
    );
    items.unshift({ key: "report", label: t("node.report"), children });
  }
  return (
    <>
      <div className="panel-head">
        <h2>{labelOf(node)}</h2>
        <Phase phase={node.phase} />
        <Button type="text" icon={<CloseOutlined />} aria-label={t("common.close")} onClick={onClose} />
      </div>
      <Tabs
        className="panel-tabs"
        size="small"
        activeKey={tab ?? (report ? "report" : node.phase === "Running" ? "logs" : "summary")}
        onChange={setTab}
        items={items}
      />
    </>
  );
}

function Summary({ workflow, node }: { workflow: Workflow; node: NodeStatus }) {
  const { t } = useTranslation();
  const pod = isStep(node) && node.type === "Pod" ? podNameOf(workflow, node) : undefined;
  const used = Object.entries(node.resourcesDuration ?? {}).map(([name, seconds]) => `${name} ${seconds}s`);
  return (
    <>
      {node.message && (
        <div className="node-message">
          <Code wrap>{node.message}</Code>
        </div>
      )}
      <Facts
        of={[
          [t("workflows.template"), node.templateRef?.template ?? node.templateName],
          [t("common.type"), node.type],
          [t("common.started"), <Moment key="from" at={node.startedAt} />],
          [t("common.finished"), <Moment key="to" at={node.finishedAt} />],
          [t("common.duration"), <Duration key="took" from={node.startedAt} to={node.finishedAt} />],
          [t("common.progress"), node.progress],
          [t("history.work"), node.memoizationStatus?.hit ? t("history.reused") : undefined],
          [t("node.exitCode"), node.outputs?.exitCode],
          [t("node.resources"), used.length > 0 ? used.join(" · ") : undefined],
          [
            t("node.pod"),
            pod && (
              <Link className="name mono" to={`/pods/${workflow.metadata.namespace}/${pod}`}>
                {pod}
              </Link>
            ),
          ],
          [t("node.host"), node.hostNodeName],
        ]}
      />
    </>
  );
}
