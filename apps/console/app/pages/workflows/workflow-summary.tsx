import type { Workflow } from "@capstan/api/kinds/workflow";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { patientImport } from "../../api/patient.ts";
import { Code, Facts, Section } from "../../ui/facts.tsx";
import { Loading } from "../../ui/states.tsx";
import { Duration, Moment } from "../../ui/time.tsx";
import { InputsOutputs } from "./inputs-outputs.tsx";
import { isStep, labelOf, type NodeMap } from "./node-map.ts";
import { reportOf } from "./report/read-report.ts";
import { Progress } from "./workflows-page.tsx";

const Report = lazy(async () => ({
  default: (await patientImport(() => import("./report/report-view.tsx"))).ReportView,
}));

export interface WorkflowSummaryProps {
  workflow: Workflow;
  nodes: NodeMap;
  onSelect: (id: string) => void;
}

/** What to know of a workflow before any step is chosen: how far it is, what failed, what came out. */
export function WorkflowSummary({ workflow, nodes, onSelect }: WorkflowSummaryProps) {
  const { t } = useTranslation();
  const { spec, status } = workflow;
  // A failed attempt that a later one made good is no failure of the workflow.
  const unsuccessful = status?.phase !== "Succeeded";
  const broken = Object.values(nodes).filter((node) => isStep(node) && /^(Failed|Error)$/.test(node.phase ?? ""));
  const evaluated = Object.values(nodes).find((node) => reportOf(node) !== undefined);
  const report = evaluated && reportOf(evaluated);
  return (
    <>
      {status?.message && (
        <Section title={t("common.message")}>
          <Code wrap>{status.message}</Code>
        </Section>
      )}
      {unsuccessful &&
        broken.map((node) => (
          <Section
            key={node.id}
            title={
              <button type="button" className="link tone-bad" onClick={() => onSelect(node.id)}>
                {labelOf(node)}
              </button>
            }
            aside={t(`workflows.phases.${node.phase === "Error" ? "Error" : "Failed"}`)}
          >
            <Code wrap>{node.message ?? "–"}</Code>
          </Section>
        ))}
      {report && (
        <Section
          title={t("node.report")}
          aside={<FromStep label={labelOf(evaluated)} onOpen={() => onSelect(evaluated.id)} />}
        >
          <Suspense fallback={<Loading />}>
            <Report report={report} brief />
          </Suspense>
        </Section>
      )}
      <Section title={t("node.summary")}>
        <Facts
          of={[
            [t("common.namespace"), workflow.metadata.namespace],
            [
              t("workflows.template"),
              spec.workflowTemplateRef && <TemplateLink name={spec.workflowTemplateRef.name} />,
            ],
            [t("common.progress"), status?.progress && <Progress of={status.progress} />],
            [t("common.started"), <Moment key="from" at={status?.startedAt} />],
            [t("common.finished"), status?.finishedAt && <Moment at={status.finishedAt} />],
            [t("common.duration"), <Duration key="took" from={status?.startedAt} to={status?.finishedAt} />],
          ]}
        />
      </Section>
      <InputsOutputs brief of={spec.arguments} />
      {!report && <p className="faint">{t("node.select")}</p>}
    </>
  );
}

function FromStep({ label, onOpen }: { label: string; onOpen: () => void }) {
  return (
    <button type="button" className="link" onClick={onOpen}>
      {label} →
    </button>
  );
}

function TemplateLink({ name }: { name: string | undefined }) {
  return (
    <Link className="name" to={`/templates?template=${name}`}>
      {name}
    </Link>
  );
}
