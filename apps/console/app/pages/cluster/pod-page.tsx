import type { Container, ContainerStatus, Pod } from "@capstan/api/generated/core-v1";
import { Events, Pods } from "@capstan/api/generated/resources";
import { Tabs } from "antd";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import { useLive, useLiveObject } from "../../api/use-live.ts";
import { Facts, Section } from "../../ui/facts.tsx";
import { Liveness, Page } from "../../ui/page.tsx";
import { State } from "../../ui/phase.tsx";
import { PodLogs } from "../../ui/pod-logs.tsx";
import { Failure, Loading, Missing } from "../../ui/states.tsx";
import { Moment } from "../../ui/time.tsx";
import { YamlView } from "../../ui/yaml-view.tsx";
import { EventList } from "./event-list.tsx";
import { podState } from "./pod-state.ts";
import { PodUsage } from "./pod-usage.tsx";

export function PodPage() {
  const { t } = useTranslation();
  const { namespace = "", name = "" } = useParams();
  const live = useLiveObject(Pods, { namespace, name });
  const pod = live.object;
  const title = (
    <>
      <Link to="/pods">{t("cluster.pods")} / </Link>
      {name}
    </>
  );
  return (
    <Page name={name} title={title} aside={pod && <PodAside pod={pod} live={live} />}>
      {live.state === "failed" && live.error ? (
        <Failure error={live.error} />
      ) : live.state === "loading" ? (
        <Loading />
      ) : pod ? (
        <PodTabs pod={pod} />
      ) : (
        <Missing what={`Pod ${namespace}/${name}`} />
      )}
    </Page>
  );
}

function PodAside({ pod, live }: { pod: Pod; live: Parameters<typeof Liveness>[0]["of"] }) {
  const { tone, word } = podState(pod);
  return (
    <>
      <State tone={tone}>{word}</State>
      <Liveness of={live} />
    </>
  );
}

function PodTabs({ pod }: { pod: Pod }) {
  const { t } = useTranslation();
  return (
    <Tabs
      items={[
        { key: "details", label: t("cluster.details"), children: <PodDetails pod={pod} /> },
        { key: "logs", label: t("node.logs"), children: <PodLogs pod={pod} tall /> },
        { key: "events", label: t("nav.events"), children: <ObjectEvents pod={pod} /> },
        { key: "yaml", label: t("common.yaml"), children: <YamlView object={pod} /> },
      ]}
    />
  );
}

function PodDetails({ pod }: { pod: Pod }) {
  const { t } = useTranslation();
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  return (
    <div className="columns">
      <Section title={t("cluster.details")}>
        <Facts
          of={[
            [t("common.namespace"), pod.metadata.namespace],
            [t("cluster.node"), pod.spec?.nodeName],
            [t("cluster.ip"), pod.status?.podIP && <span className="mono">{pod.status.podIP}</span>],
            [t("common.created"), <Moment key="at" at={pod.metadata.creationTimestamp} />],
            [t("common.message"), pod.status?.message],
            [t("common.labels"), <Labels key="labels" of={pod.metadata.labels} />],
          ]}
        />
      </Section>
      <Section title={t("cluster.containers")}>
        <table className="plain-table">
          <thead>
            <tr>
              <th>{t("common.name")}</th>
              <th>{t("cluster.state")}</th>
              <th className="right">{t("cluster.restarts")}</th>
              <th>{t("cluster.image")}</th>
            </tr>
          </thead>
          <tbody>
            {containers.map((container) => (
              <ContainerRow
                key={container.name}
                container={container}
                status={statuses.find((s) => s.name === container.name)}
              />
            ))}
          </tbody>
        </table>
      </Section>
      {pod.status?.phase === "Running" && <PodUsage pod={pod} />}
    </div>
  );
}

function ContainerRow({ container, status }: { container: Container; status: ContainerStatus | undefined }) {
  const { state } = status ?? {};
  const tone = state?.running
    ? "good"
    : state?.terminated
      ? state.terminated.exitCode === 0
        ? "good"
        : "bad"
      : "idle";
  const word = state?.running
    ? "Running"
    : state?.terminated
      ? `${state.terminated.reason ?? "Terminated"} (${state.terminated.exitCode})`
      : (state?.waiting?.reason ?? "Waiting");
  return (
    <tr>
      <td className="name">{container.name}</td>
      <td>
        <State tone={tone}>{word}</State>
        <div className="faint">{state?.terminated?.message ?? state?.waiting?.message}</div>
      </td>
      <td className="right">{status?.restartCount ?? 0}</td>
      <td className="mono">{container.image}</td>
    </tr>
  );
}

export function Labels({ of = {} }: { of: Record<string, string> | undefined }) {
  const { t } = useTranslation();
  const labels = Object.entries(of);
  if (labels.length === 0) return <span className="faint">{t("common.none")}</span>;
  return (
    <div className="tags">
      {labels.map(([key, value]) => (
        <span className="tag tag-wraps" key={key}>
          {value === "" ? key : `${key}=${value}`}
        </span>
      ))}
    </div>
  );
}

function ObjectEvents({ pod }: { pod: Pod }) {
  const live = useLive(Events, {
    ...(pod.metadata.namespace ? { namespace: pod.metadata.namespace } : {}),
    fieldSelector: `involvedObject.uid=${pod.metadata.uid}`,
  });
  return <EventList live={live} />;
}
