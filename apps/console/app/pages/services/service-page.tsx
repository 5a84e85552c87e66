import { Pods } from "@capstan/api/generated/resources";
import { Models } from "@capstan/api/kinds/model";
import {
  type InferenceService,
  InferenceServices,
  type ServingCondition,
  servingLabels,
} from "@capstan/api/kinds/serving";
import { Alert, Tabs } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import { useLive, useLiveObject } from "../../api/use-live.ts";
import { Code, Facts, Section } from "../../ui/facts.tsx";
import { LiveTable } from "../../ui/live-table.tsx";
import { Liveness, Page } from "../../ui/page.tsx";
import { State, type Tone } from "../../ui/phase.tsx";
import { Empty, Failure, Loading, Missing } from "../../ui/states.tsx";
import { Age, Moment } from "../../ui/time.tsx";
import { YamlView } from "../../ui/yaml-view.tsx";
import { podHref, usePodColumns } from "../cluster/pods-page.tsx";
import { signatureOf, versionsOf } from "../models/versions.ts";
import { modelOf, servedVersion, serviceState } from "./service-state.ts";
import { ModelName, ServiceReady, Traffic } from "./services-page.tsx";
import { TryIt } from "./try-it.tsx";

export function ServicePage() {
  const { t } = useTranslation();
  const { namespace = "", name = "" } = useParams();
  const live = useLiveObject(InferenceServices, { namespace, name });
  const service = live.object;
  const title = (
    <>
      <Link to="/services">{t("services.title")} / </Link>
      {name}
    </>
  );
  const aside = service && (
    <>
      <ServiceReady service={service} />
      <Liveness of={live} />
    </>
  );
  return (
    <Page name={name} title={title} aside={aside}>
      {live.state === "failed" && live.error ? (
        <Failure error={live.error} />
      ) : service ? (
        <ServiceBody service={service} />
      ) : live.state === "loading" ? (
        <Loading />
      ) : (
        <Missing what={`InferenceService ${namespace}/${name}`} />
      )}
    </Page>
  );
}

function ServiceBody({ service }: { service: InferenceService }) {
  const { t } = useTranslation();
  const { namespace } = service.metadata;
  const model = modelOf(service);
  const known = useLiveObject(Models, model && namespace ? { namespace, name: model.name } : undefined);
  if (known.state === "loading") return <Loading />;
  const versions = known.object ? versionsOf(known.object) : [];
  const wanted = servedVersion(service);
  const signature = signatureOf(versions.find((v) => v.version === wanted) ?? versions[0]);
  const { message } = serviceState(service);
  return (
    <>
      {message && (
        <Alert
          type="error"
          showIcon
          title={t(service.status?.modelStatus?.lastFailureInfo ? "services.loadFailed" : "services.notReady")}
          description={message}
          className="gap"
        />
      )}
      <Tabs
        items={[
          // The form starts anew when the model behind it changes.
          {
            key: "try",
            label: t("services.tryIt"),
            children: <TryIt key={wanted} service={service} signature={signature} />,
          },
          { key: "details", label: t("cluster.details"), children: <Details service={service} /> },
          { key: "pods", label: t("services.pods"), children: <ServicePods service={service} /> },
          { key: "yaml", label: t("common.yaml"), children: <YamlView object={service} /> },
        ]}
      />
    </>
  );
}

function Details({ service }: { service: InferenceService }) {
  const { t } = useTranslation();
  const { status, spec, metadata } = service;
  const model = modelOf(service);
  const { minReplicas = 1, maxReplicas } = spec.predictor;
  return (
    <div className="columns">
      <Section title={t("cluster.details")}>
        <Facts
          of={[
            [t("services.url"), status?.url && <Code>{status.url}</Code>],
            [
              t("services.model"),
              model ? (
                <Link key="model" to={`/models/${metadata.namespace}/${model.name}`}>
                  <ModelName service={service} />
                </Link>
              ) : (
                <ModelName key="model" service={service} />
              ),
            ],
            [t("services.traffic"), <Traffic key="traffic" service={service} />],
            [t("services.replicas"), maxReplicas ? `${minReplicas} – ${maxReplicas}` : minReplicas],
            [t("services.runtime"), status?.servingRuntimeName ?? status?.clusterServingRuntimeName],
            [t("common.created"), <Moment key="at" at={metadata.creationTimestamp} />],
          ]}
        />
      </Section>
      <Section title={t("common.conditions")}>
        <Conditions of={status?.conditions ?? []} />
      </Section>
    </div>
  );
}

function Conditions({ of }: { of: ServingCondition[] }) {
  return (
    <table className="plain-table">
      <tbody>
        {of.map((condition) => (
          <tr key={condition.type}>
            <td>
              <State tone={conditionTone(condition)}>
                <span className="name">{condition.type}</span>
              </State>
            </td>
            <td className="soft">{[condition.reason, condition.message].filter(Boolean).join(": ")}</td>
            <td className="right">
              <Age since={condition.lastTransitionTime} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Of `Stopped` alone False is the good state. */
function conditionTone({ type, status }: ServingCondition): Tone {
  if (type === "Stopped") return status === "True" ? "warn" : "good";
  return status === "True" ? "good" : status === "False" ? "bad" : "idle";
}

function ServicePods({ service }: { service: InferenceService }) {
  const { t } = useTranslation();
  const { namespace, name } = service.metadata;
  const columns = usePodColumns();
  const live = useLive(Pods, {
    ...(namespace ? { namespace } : {}),
    labelSelector: `${servingLabels.service}=${name}`,
  });
  return <LiveTable live={live} columns={columns} href={podHref} empty={<Empty title={t("cluster.emptyPods")} />} />;
}
