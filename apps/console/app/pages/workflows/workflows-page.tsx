import { PlayCircleOutlined } from "@ant-design/icons";
import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { Button, Segmented, type TableColumnsType } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useMay } from "../../api/access.ts";
import { useLive } from "../../api/use-live.ts";
import { usePreferences } from "../../theme/preferences.tsx";
import { LiveTable, nameColumn, newestFirst } from "../../ui/live-table.tsx";
import { Liveness, NameFilter, Page } from "../../ui/page.tsx";
import { Phase } from "../../ui/phase.tsx";
import { Empty } from "../../ui/states.tsx";
import { Age, Duration } from "../../ui/time.tsx";

export const workflowHref = (workflow: { metadata: { namespace?: string; name: string } }) =>
  `/workflows/${workflow.metadata.namespace}/${workflow.metadata.name}`;

const phases = ["Running", "Succeeded", "Failed"] as const;

/** Error is a failure that the platform, not the program, caused: one filter for both. */
function inPhase(workflow: Workflow, phase: string): boolean {
  const actual = workflow.status?.phase || "Pending";
  if (phase === "Failed") return actual === "Failed" || actual === "Error";
  if (phase === "Running") return actual === "Running" || actual === "Pending";
  return phase === "" || actual === phase;
}

export function WorkflowsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { namespace } = usePreferences();
  const [filter, setFilter] = useState("");
  const [phase, setPhase] = useState("");
  const live = useLive(Workflows, { namespace });
  const mayRun = useMay({ verb: "create", resource: Workflows, namespace });
  const named = live.items.filter((workflow) => workflow.metadata.name.includes(filter.trim()));
  const shown = newestFirst(named.filter((workflow) => inPhase(workflow, phase)));
  const columns = useColumns();
  const count = (value: string) => named.filter((workflow) => inPhase(workflow, value)).length;
  const option = (value: string, label: string) => ({ value, label: `${label} ${count(value)}` });
  const run = (
    <Button type="primary" icon={<PlayCircleOutlined />} disabled={!mayRun} onClick={() => navigate("/templates")}>
      {t("workflows.run")}
    </Button>
  );
  const toolbar = (
    <>
      <NameFilter value={filter} onChange={setFilter} />
      <Segmented
        value={phase}
        onChange={setPhase}
        options={[option("", t("common.all")), ...phases.map((p) => option(p, t(`workflows.phases.${p}`)))]}
      />
    </>
  );
  return (
    <Page
      name={t("workflows.title")}
      title={t("workflows.title")}
      aside={<Liveness of={live} />}
      actions={run}
      toolbar={toolbar}
    >
      <LiveTable
        live={live}
        shown={shown}
        columns={columns}
        href={workflowHref}
        onClearFilter={() => {
          setFilter("");
          setPhase("");
        }}
        empty={<Empty title={t("workflows.empty")} hint={t("workflows.emptyHint")} action={run} />}
      />
    </Page>
  );
}

function useColumns(): TableColumnsType<Workflow> {
  const { t } = useTranslation();
  return [
    nameColumn<Workflow>(t("common.name"), workflowHref),
    { title: t("common.namespace"), render: (_, { metadata }) => metadata.namespace },
    { title: t("common.phase"), render: (_, { status }) => <Phase phase={status?.phase} /> },
    { title: t("common.progress"), render: (_, { status }) => <Progress of={status?.progress} /> },
    { title: t("workflows.template"), render: (_, { spec }) => spec.workflowTemplateRef?.name ?? "–" },
    {
      title: t("common.duration"),
      align: "right",
      render: (_, { status }) => <Duration from={status?.startedAt} to={status?.finishedAt} />,
    },
    {
      title: t("common.age"),
      align: "right",
      sorter: (a, b) => (b.metadata.creationTimestamp ?? "").localeCompare(a.metadata.creationTimestamp ?? ""),
      render: (_, { metadata }) => <Age since={metadata.creationTimestamp} />,
    },
    { title: t("common.message"), render: (_, { status }) => <span className="long soft">{status?.message}</span> },
  ];
}

/** `3/9` as a bar. */
export function Progress({ of }: { of: string | undefined }) {
  const [done = 0, all = 0] = (of ?? "").split("/").map(Number);
  if (!all) return <span className="faint">–</span>;
  return (
    <div className="share">
      <span className="number">
        {done}/{all}
      </span>
      <div className="bar">
        <i style={{ width: `${(done / all) * 100}%` }} />
      </div>
    </div>
  );
}
