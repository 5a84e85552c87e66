import { PlayCircleOutlined } from "@ant-design/icons";
import { Workflows, type WorkflowTemplate, WorkflowTemplates } from "@capstan/api/kinds/workflow";
import { Button, type TableColumnsType } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { useMay } from "../../api/access.ts";
import { useLive } from "../../api/use-live.ts";
import { usePreferences } from "../../theme/preferences.tsx";
import { byName, LiveTable } from "../../ui/live-table.tsx";
import { Liveness, NameFilter, Page } from "../../ui/page.tsx";
import { Empty } from "../../ui/states.tsx";
import { Age } from "../../ui/time.tsx";
import { RunDrawer } from "./run-drawer.tsx";

export function TemplatesPage() {
  const { t } = useTranslation();
  const { namespace } = usePreferences();
  const [filter, setFilter] = useState("");
  const [search, setSearch] = useSearchParams();
  const live = useLive(WorkflowTemplates, { namespace });
  const shown = byName(live.items.filter((template) => template.metadata.name.includes(filter.trim())));
  const chosen = live.items.find(
    ({ metadata }) =>
      metadata.name === search.get("template") && (search.get("in") ?? metadata.namespace) === metadata.namespace,
  );
  const choose = ({ metadata }: WorkflowTemplate) =>
    setSearch({ template: metadata.name, ...(metadata.namespace ? { in: metadata.namespace } : {}) });
  const columns = useColumns(choose);
  return (
    <Page
      name={t("templates.title")}
      title={t("templates.title")}
      aside={<Liveness of={live} />}
      toolbar={<NameFilter value={filter} onChange={setFilter} />}
    >
      <LiveTable
        live={live}
        shown={shown}
        columns={columns}
        onOpen={choose}
        onClearFilter={() => setFilter("")}
        empty={<Empty title={t("templates.empty")} hint={t("templates.emptyHint")} />}
      />
      {chosen && <RunDrawer key={chosen.metadata.uid} template={chosen} onClose={() => setSearch({})} />}
    </Page>
  );
}

function useColumns(choose: (template: WorkflowTemplate) => void): TableColumnsType<WorkflowTemplate> {
  const { t } = useTranslation();
  return [
    {
      title: t("common.name"),
      render: (_, template) => (
        <button type="button" className="link name" onClick={() => choose(template)}>
          {template.metadata.name}
        </button>
      ),
    },
    { title: t("common.namespace"), render: (_, { metadata }) => metadata.namespace },
    { title: t("templates.entrypoint"), render: (_, { spec }) => spec.entrypoint ?? "–" },
    { title: t("templates.steps"), align: "right", render: (_, { spec }) => stepsIn(spec) },
    {
      title: t("templates.parameters"),
      render: (_, { spec }) => (
        <div className="tags">
          {(spec.arguments?.parameters ?? []).map((parameter) => (
            <span className="tag" key={parameter.name}>
              {parameter.name}
            </span>
          ))}
        </div>
      ),
    },
    { title: t("common.age"), align: "right", render: (_, { metadata }) => <Age since={metadata.creationTimestamp} /> },
    {
      title: "",
      align: "right",
      render: (_, template) => <RunButton template={template} onClick={() => choose(template)} />,
    },
  ];
}

function stepsIn(spec: WorkflowTemplate["spec"]): number {
  const entry = spec.templates?.find((template) => template.name === spec.entrypoint);
  return entry?.dag?.tasks.length ?? entry?.steps?.flat().length ?? (entry ? 1 : 0);
}

function RunButton({ template, onClick }: { template: WorkflowTemplate; onClick: () => void }) {
  const { t } = useTranslation();
  const { namespace } = template.metadata;
  const may = useMay({ verb: "create", resource: Workflows, ...(namespace ? { namespace } : {}) });
  return (
    <Button size="small" icon={<PlayCircleOutlined />} disabled={!may} onClick={onClick}>
      {t("templates.run")}
    </Button>
  );
}
