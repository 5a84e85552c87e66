import { type InferenceService, InferenceServices } from "@capstan/api/kinds/serving";
import type { TableColumnsType } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useLive } from "../../api/use-live.ts";
import { usePreferences } from "../../theme/preferences.tsx";
import { LiveTable, nameColumn, newestFirst } from "../../ui/live-table.tsx";
import { Liveness, NameFilter, Page } from "../../ui/page.tsx";
import { State } from "../../ui/phase.tsx";
import { Empty } from "../../ui/states.tsx";
import { Age } from "../../ui/time.tsx";
import { servedVersion, serviceState } from "./service-state.ts";

export const serviceHref = (service: { metadata: { namespace?: string; name: string } }) =>
  `/services/${service.metadata.namespace}/${service.metadata.name}`;

export function ServicesPage() {
  const { t } = useTranslation();
  const { namespace } = usePreferences();
  const [filter, setFilter] = useState("");
  const live = useLive(InferenceServices, { namespace });
  const shown = newestFirst(live.items.filter((service) => service.metadata.name.includes(filter.trim())));
  const columns = useColumns();
  return (
    <Page
      name={t("services.title")}
      title={t("services.title")}
      aside={<Liveness of={live} />}
      toolbar={<NameFilter value={filter} onChange={setFilter} />}
    >
      <LiveTable
        live={live}
        shown={shown}
        columns={columns}
        href={serviceHref}
        onClearFilter={() => setFilter("")}
        empty={<Empty title={t("services.empty")} hint={t("services.emptyHint")} />}
      />
    </Page>
  );
}

function useColumns(): TableColumnsType<InferenceService> {
  const { t } = useTranslation();
  return [
    nameColumn<InferenceService>(t("common.name"), serviceHref),
    { title: t("common.namespace"), render: (_, { metadata }) => metadata.namespace },
    { title: t("common.status"), render: (_, service) => <ServiceReady service={service} /> },
    { title: t("services.model"), render: (_, service) => <ModelName service={service} /> },
    { title: t("services.traffic"), render: (_, service) => <Traffic service={service} /> },
    { title: t("services.url"), render: (_, { status }) => <span className="mono soft">{status?.url ?? "–"}</span> },
    { title: t("common.age"), align: "right", render: (_, { metadata }) => <Age since={metadata.creationTimestamp} /> },
    {
      title: t("common.message"),
      render: (_, service) => <span className="long soft">{serviceState(service).message}</span>,
    },
  ];
}

export function ServiceReady({ service }: { service: InferenceService }) {
  const { t } = useTranslation();
  const { ready, stopped, tone } = serviceState(service);
  return (
    <State tone={tone}>{ready ? t("common.ready") : stopped ? t("services.stopped") : t("common.notReady")}</State>
  );
}

export function ModelName({ service }: { service: InferenceService }) {
  const { model, containers } = service.spec.predictor;
  const version = servedVersion(service);
  return (
    <>
      <span className="mono">{model?.storageUri ?? containers?.[0]?.image ?? "–"}</span>{" "}
      {version !== undefined && <span className="tag">v{version}</span>}
    </>
  );
}

/** Who gets which share: the stable predictor what the canaries leave. */
export function Traffic({ service }: { service: InferenceService }) {
  const { t } = useTranslation();
  const canaries = service.status?.canaryStatuses ?? [];
  const taken = canaries.reduce((sum, canary) => sum + (canary.trafficPercent ?? 0), 0);
  return (
    <div className="tags">
      <span className="tag">
        {t("services.stable")} {100 - taken}%
      </span>
      {canaries.map((canary) => (
        <span className="tag" key={canary.name}>
          {canary.name} {canary.trafficPercent ?? 0}%
        </span>
      ))}
    </div>
  );
}
