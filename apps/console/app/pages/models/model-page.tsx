import { type Model, Models, type ModelVersion } from "@capstan/api/kinds/model";
import { Tabs } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import { useLiveObject } from "../../api/use-live.ts";
import { Facts, Section } from "../../ui/facts.tsx";
import { Liveness, Page } from "../../ui/page.tsx";
import { Failure, Loading, Missing } from "../../ui/states.tsx";
import { Age, Moment } from "../../ui/time.tsx";
import { YamlView } from "../../ui/yaml-view.tsx";
import { Headlines } from "../workflows/report/headlines.tsx";
import { readReport } from "../workflows/report/read-report.ts";
import { ServedBy, VersionState } from "./models-page.tsx";
import { SignatureView } from "./signature-view.tsx";
import { accuracyOf, signatureOf, statusOf, versionsOf } from "./versions.ts";

export function ModelPage() {
  const { t } = useTranslation();
  const { namespace = "", name = "" } = useParams();
  const live = useLiveObject(Models, { namespace, name });
  const title = (
    <>
      <Link to="/models">{t("models.title")} / </Link>
      {name}
    </>
  );
  return (
    <Page name={name} title={title} aside={<Liveness of={live} />}>
      {live.state === "failed" && live.error ? (
        <Failure error={live.error} />
      ) : live.object ? (
        <ModelBody model={live.object} />
      ) : live.state === "loading" ? (
        <Loading />
      ) : (
        <Missing what={`Model ${namespace}/${name}`} />
      )}
    </Page>
  );
}

function ModelBody({ model }: { model: Model }) {
  const { t } = useTranslation();
  const versions = versionsOf(model);
  const [chosen, setChosen] = useState<number>();
  const version = versions.find((v) => v.version === chosen) ?? versions[0];
  const overview = (
    <div className="split">
      <nav className="version-list" aria-label={t("models.versions")}>
        {versions.map((v) => (
          <button key={v.version} type="button" aria-current={v === version} onClick={() => setChosen(v.version)}>
            <strong>v{v.version}</strong>
            <span className="faint">
              <Age since={v.createdAt} />
            </span>
            <span className="number soft">{accuracyText(v)}</span>
          </button>
        ))}
      </nav>
      {version && <VersionDetails model={model} version={version} />}
    </div>
  );
  return (
    <Tabs
      items={[
        { key: "versions", label: t("models.versions"), children: overview },
        { key: "yaml", label: t("common.yaml"), children: <YamlView object={model} /> },
      ]}
    />
  );
}

function accuracyText(version: ModelVersion): string {
  const accuracy = accuracyOf(version);
  return accuracy === undefined ? "" : `${(accuracy * 100).toFixed(1)}%`;
}

function VersionDetails({ model, version }: { model: Model; version: ModelVersion }) {
  const { t } = useTranslation();
  const { namespace } = model.metadata;
  const { source } = version;
  const report = readReport(version.metrics ?? {});
  const status = statusOf(model, version.version);
  return (
    <div>
      {report ? <Headlines report={report} /> : <p className="faint gap">{t("models.noMetrics")}</p>}
      <div className="columns">
        <Section title={t("models.signature")}>
          <SignatureView signature={signatureOf(version)} />
        </Section>
        <Section title={t("models.lineage")}>
          <Facts
            of={[
              [t("common.status"), <VersionState key="state" model={model} version={version.version} />],
              [t("common.message"), status?.message],
              [t("models.servedBy"), <ServedBy key="by" model={model} version={version.version} />],
              [
                t("models.workflow"),
                source && (
                  <Link className="name" to={`/workflows/${namespace}/${source.name}`}>
                    {source.name}
                  </Link>
                ),
              ],
              [
                t("models.step"),
                source && (
                  <Link to={`/workflows/${namespace}/${source.name}?node=${encodeURIComponent(source.nodeId)}`}>
                    {source.nodeName ?? source.nodeId}
                  </Link>
                ),
              ],
              [t("common.created"), <Moment key="at" at={version.createdAt} />],
              [t("models.framework"), version.framework],
              [t("models.artifact"), <code key="key">{version.artifact.key}</code>],
            ]}
          />
        </Section>
      </div>
    </div>
  );
}
