// Where artifacts came from and what came of them, as a picture of the steps between them.
import { SearchOutlined } from "@ant-design/icons";
import type { Lineage, LineageParameters } from "@capstan/api/kinds/records";
import { StatusError } from "@capstan/api/meta";
import { readLineageTarget, shortArtifact, traceLineage } from "@capstan/operators/workflow/history";
import { useQuery } from "@tanstack/react-query";
import { Input, Segmented } from "antd";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams, useSearchParams } from "react-router";
import { client } from "../../api/client.ts";
import { Facts, Section } from "../../ui/facts.tsx";
import { Page } from "../../ui/page.tsx";
import { Phase } from "../../ui/phase.tsx";
import { Empty, Failure, Loading } from "../../ui/states.tsx";
import { Moment } from "../../ui/time.tsx";
import { GraphView } from "../workflows/graph.tsx";
import { lineageGraph, shortName, stepId } from "./lineage-graph.ts";
import { lineageHref } from "./lineage-href.ts";
import "../workflows/workflow.css";
import "./history.css";

const directions = ["both", "up", "down"] as const;
type Direction = (typeof directions)[number];

export function LineagePage() {
  const { t } = useTranslation();
  const { namespace = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const of = search.get("of") ?? "";
  const direction = directions.find((one) => one === search.get("direction")) ?? "both";
  const toolbar = (
    <>
      <Input
        key={of}
        className="lineage-target"
        prefix={<SearchOutlined />}
        defaultValue={of}
        placeholder={t("history.target")}
        aria-label={t("history.target")}
        onPressEnter={(event) => setSearch({ of: event.currentTarget.value.trim(), direction })}
      />
      <Segmented<Direction>
        value={direction}
        onChange={(value) => setSearch({ of, direction: value })}
        options={directions.map((value) => ({ value, label: t(`history.${value}`) }))}
      />
    </>
  );
  const title = `${t("history.lineage")} / ${shortArtifact(of)}`;
  return (
    <Page full name={t("history.lineage")} title={title} toolbar={toolbar}>
      {of === "" ? (
        <Empty title={t("history.target")} />
      ) : (
        <Trace namespace={namespace} parameters={{ ...readLineageTarget(of), direction }} />
      )}
    </Page>
  );
}

function Trace({ namespace, parameters }: { namespace: string; parameters: LineageParameters }) {
  const { t } = useTranslation();
  const [search, setSearch] = useSearchParams();
  const { data, error } = useQuery({
    queryKey: ["lineage", namespace, parameters],
    queryFn: () => traceLineage(client, namespace, parameters),
    retry: false,
  });
  const graph = useMemo(() => lineageGraph(data?.steps ?? []), [data]);
  if (error) return <Failure error={StatusError.from(error)} />;
  if (!data) return <Loading />;
  if (data.steps.length === 0) return <Empty title={t("history.noLineage")} hint={t("history.noLineageHint")} />;
  const selected = search.get("step") ?? undefined;
  const select = (id: string | undefined) => {
    setSearch(
      (old) => {
        if (id === undefined) old.delete("step");
        else old.set("step", id);
        return old;
      },
      { replace: true },
    );
  };
  const step = data.steps.find((one) => stepId(one) === selected);
  return (
    <div className="workflow">
      <div className="workflow-main">
        <GraphView graph={graph} selected={selected} onSelect={select} />
      </div>
      <aside className="workflow-side">
        {data.warning && <p className="soft">{data.warning}</p>}
        {step ? <StepFacts namespace={namespace} step={step} /> : <Empty title={t("history.chooseStep")} />}
      </aside>
    </div>
  );
}

function StepFacts({ namespace, step }: { namespace: string; step: Lineage["step"] }) {
  const { t } = useTranslation();
  const parameters = Object.entries(step.parameters);
  return (
    <>
      <div className="panel-head">
        <h2>{shortName(step)}</h2>
        <Phase phase={step.phase} />
      </div>
      <Facts
        of={[
          [
            t("models.workflow"),
            <Link key="workflow" className="name" to={`/history/${namespace}/${step.uid}`}>
              {step.workflow}
            </Link>,
          ],
          [t("workflows.template"), step.template],
          [t("common.finished"), <Moment key="finished" at={step.finishedAt} />],
          [t("history.work"), step.reused ? t("history.reused") : t("history.done")],
        ]}
      />
      <Artifacts title={t("history.read")} namespace={namespace} of={step.inputs} />
      <Artifacts title={t("history.made")} namespace={namespace} of={step.outputs} />
      {parameters.length > 0 && (
        <Section title={t("node.parameters")} aside={parameters.length}>
          {parameters.map(([name, value]) => (
            <div className="parameter" key={name}>
              <span className="faint">{name}</span>
              <code>{value === "" ? "–" : value}</code>
            </div>
          ))}
        </Section>
      )}
    </>
  );
}

interface ArtifactsProps {
  title: string;
  namespace: string;
  of: Lineage["step"]["inputs"];
}

function Artifacts({ title, namespace, of }: ArtifactsProps) {
  return (
    <Section title={title} aside={of.length || undefined}>
      <table className="plain-table">
        <tbody>
          {of.map(({ name, artifact, location }) => (
            <tr key={name}>
              <td className="name">{name}</td>
              <td className="mono soft">
                <Link to={lineageHref(namespace, artifact)} title={artifact}>
                  {shortArtifact(artifact)}
                </Link>
                <br />
                {location}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}
