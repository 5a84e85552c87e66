import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { Segmented } from "antd";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams, useSearchParams } from "react-router";
import { useLiveObject } from "../../api/use-live.ts";
import { Liveness, Page } from "../../ui/page.tsx";
import { Phase } from "../../ui/phase.tsx";
import { Empty, Failure, Loading, Missing } from "../../ui/states.tsx";
import { Duration } from "../../ui/time.tsx";
import { YamlView } from "../../ui/yaml-view.tsx";
import { GraphView } from "./graph.tsx";
import { graphOf } from "./graph-model.ts";
import { type Nodes, useNodes } from "./node-map.ts";
import { NodePanel } from "./node-panel.tsx";
import { NodeTimeline } from "./node-timeline.tsx";
import { WorkflowActions } from "./workflow-actions.tsx";
import { WorkflowSummary } from "./workflow-summary.tsx";
import "./workflow.css";

export function WorkflowPage() {
  const { t } = useTranslation();
  const { namespace = "", name = "" } = useParams();
  const live = useLiveObject(Workflows, { namespace, name });
  const workflow = live.object;
  const nodes = useNodes(workflow);
  const title = (
    <>
      <Link to="/workflows">{t("workflows.title")} / </Link>
      {name}
    </>
  );
  const aside = workflow && (
    <>
      <Phase phase={workflow.status?.phase} />
      <Duration from={workflow.status?.startedAt} to={workflow.status?.finishedAt} />
      <Liveness of={live} />
    </>
  );
  return (
    <Page full name={name} title={title} aside={aside} actions={workflow && <WorkflowActions workflow={workflow} />}>
      {live.state === "failed" && live.error ? (
        <Failure error={live.error} />
      ) : workflow ? (
        <WorkflowBody workflow={workflow} nodes={nodes} />
      ) : live.state === "loading" ? (
        <Loading />
      ) : (
        <Missing what={`Workflow ${namespace}/${name}`} />
      )}
    </Page>
  );
}

const views = ["graph", "table", "yaml"] as const;
type View = (typeof views)[number];

export function WorkflowBody({ workflow, nodes: { nodes, error } }: { workflow: Workflow; nodes: Nodes }) {
  const { t } = useTranslation();
  const [search, setSearch] = useSearchParams();
  const selected = search.get("node") ?? undefined;
  const view = views.find((v) => v === search.get("view")) ?? "graph";
  const graph = useMemo(() => graphOf(workflow, nodes), [workflow, nodes]);
  const change = (key: string, value: string | undefined) => {
    setSearch(
      (old) => {
        if (value === undefined) old.delete(key);
        else old.set(key, value);
        return old;
      },
      { replace: true },
    );
  };
  const select = (id: string | undefined) => change("node", id);
  const names: Record<View, string> = {
    graph: t("workflows.graph"),
    table: t("workflows.table"),
    yaml: t("common.yaml"),
  };
  return (
    <div className="workflow">
      <div className="workflow-main">
        <Segmented
          className="workflow-views"
          size="small"
          value={view}
          onChange={(value) => change("view", value)}
          options={views.map((value) => ({ value, label: names[value] }))}
        />
        {error ? (
          <Empty title={t("workflows.compressed", { why: error })} />
        ) : view === "yaml" ? (
          <div className="workflow-scroll">
            <YamlView object={workflow} />
          </div>
        ) : graph.nodes.length === 0 ? (
          <Empty
            title={t("workflows.noNodes")}
            {...(workflow.status?.message ? { hint: workflow.status.message } : {})}
          />
        ) : view === "table" ? (
          <NodeTimeline nodes={nodes} selected={selected} onSelect={select} />
        ) : (
          <GraphView graph={graph} selected={selected} onSelect={select} />
        )}
      </div>
      <aside className="workflow-side">
        {selected && nodes[selected] ? (
          <NodePanel key={selected} workflow={workflow} node={nodes[selected]} onClose={() => select(undefined)} />
        ) : selected?.startsWith("plan:") ? (
          <Empty title={selected.slice("plan:".length)} hint={t("node.notStarted")} />
        ) : (
          <WorkflowSummary workflow={workflow} nodes={nodes} onSelect={select} />
        )}
      </aside>
    </div>
  );
}
