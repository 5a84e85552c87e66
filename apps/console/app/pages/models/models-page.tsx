import { type Model, Models } from "@capstan/api/kinds/model";
import type { TableColumnsType } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useLive } from "../../api/use-live.ts";
import { usePreferences } from "../../theme/preferences.tsx";
import { LiveTable, nameColumn, newestFirst } from "../../ui/live-table.tsx";
import { Liveness, NameFilter, Page } from "../../ui/page.tsx";
import { State } from "../../ui/phase.tsx";
import { Empty } from "../../ui/states.tsx";
import { Age } from "../../ui/time.tsx";
import { accuracyOf, statusOf, versionsOf } from "./versions.ts";

export const modelHref = (model: { metadata: { namespace?: string; name: string } }) =>
  `/models/${model.metadata.namespace}/${model.metadata.name}`;

export function ModelsPage() {
  const { t } = useTranslation();
  const { namespace } = usePreferences();
  const [filter, setFilter] = useState("");
  const live = useLive(Models, { namespace });
  const shown = newestFirst(live.items.filter((model) => model.metadata.name.includes(filter.trim())));
  const columns = useColumns();
  return (
    <Page
      name={t("models.title")}
      title={t("models.title")}
      aside={<Liveness of={live} />}
      toolbar={<NameFilter value={filter} onChange={setFilter} />}
    >
      <LiveTable
        live={live}
        shown={shown}
        columns={columns}
        href={modelHref}
        onClearFilter={() => setFilter("")}
        empty={<Empty title={t("models.empty")} hint={t("models.emptyHint")} />}
      />
    </Page>
  );
}

function useColumns(): TableColumnsType<Model> {
  const { t } = useTranslation();
  return [
    nameColumn<Model>(t("common.name"), modelHref),
    { title: t("common.namespace"), render: (_, { metadata }) => metadata.namespace },
    {
      title: t("models.latest"),
      render: (_, model) => <span className="tag">v{versionsOf(model)[0]?.version ?? 0}</span>,
    },
    { title: t("models.versions"), align: "right", render: (_, model) => model.spec.versions?.length ?? 0 },
    {
      title: t("models.accuracy"),
      align: "right",
      render: (_, model) => {
        const accuracy = accuracyOf(versionsOf(model)[0]);
        return <span className="number">{accuracy === undefined ? "–" : `${(accuracy * 100).toFixed(1)}%`}</span>;
      },
    },
    {
      title: t("common.status"),
      render: (_, model) => <VersionState model={model} version={versionsOf(model)[0]?.version} />,
    },
    { title: t("models.servedBy"), render: (_, model) => <ServedBy model={model} /> },
    { title: t("common.age"), align: "right", render: (_, { metadata }) => <Age since={metadata.creationTimestamp} /> },
  ];
}

export function VersionState({ model, version }: { model: Model; version: number | undefined }) {
  const { t } = useTranslation();
  const state = version === undefined ? undefined : statusOf(model, version)?.state;
  if (!state) return <span className="faint">–</span>;
  return <State tone={state === "Available" ? "good" : "bad"}>{t(`models.${state}`)}</State>;
}

export function ServedBy({ model, version }: { model: Model; version?: number }) {
  const { t } = useTranslation();
  const statuses = (model.status?.versions ?? []).filter((s) => version === undefined || s.version === version);
  const names = [...new Set(statuses.flatMap((status) => status.servedBy ?? []))];
  if (names.length === 0) return <span className="faint">{t("models.notServed")}</span>;
  return (
    <>
      {names.map((name) => (
        <Link key={name} className="name" to={`/services/${model.metadata.namespace}/${name}`}>
          {name}
        </Link>
      ))}
    </>
  );
}
