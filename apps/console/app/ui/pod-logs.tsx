import { DownloadOutlined } from "@ant-design/icons";
import type { ContainerStatus, Pod } from "@capstan/api/generated/core-v1";
import { Button, Checkbox, Input, Select, Tooltip } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { downloadLog, type LogSource, useLog } from "../api/log.ts";
import { LogLines } from "./log-lines.tsx";

export interface PodLogsProps {
  pod: Pod;
  /** The container to begin with. */
  container?: string;
  tall?: boolean;
}

/** Logs of a pod's containers, followed; opened again when a container restarts. */
export function PodLogs({ pod, container, tall }: PodLogsProps) {
  const { t } = useTranslation();
  const names = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].map((c) => c.name);
  const [chosen, setChosen] = useState(container ?? preferred(pod) ?? names[0] ?? "");
  const [previous, setPrevious] = useState(false);
  const [wrap, setWrap] = useState(true);
  const [find, setFind] = useState("");
  const status = statusOf(pod, chosen);
  const started = status?.state?.running ?? status?.state?.terminated ?? status?.lastState?.terminated;
  const source: LogSource = {
    namespace: pod.metadata.namespace ?? "",
    pod: pod.metadata.name,
    container: chosen,
    previous,
    incarnation: status?.restartCount ?? 0,
  };
  const log = useLog(started ? source : undefined);
  const { waiting: why } = status?.state ?? {};
  const waiting = started ? undefined : (why?.message ?? why?.reason ?? t("node.waiting"));
  return (
    <div className={tall ? "logs logs-tall" : "logs"}>
      <div className="logs-bar">
        {names.length > 1 && (
          <Select
            size="small"
            value={chosen}
            onChange={setChosen}
            aria-label={t("node.container")}
            options={names.map((value) => ({ value, label: value }))}
          />
        )}
        <Input
          size="small"
          allowClear
          className="logs-find"
          placeholder={t("node.findInLog")}
          aria-label={t("node.findInLog")}
          value={find}
          onChange={(event) => setFind(event.target.value)}
        />
        <Checkbox checked={wrap} onChange={(event) => setWrap(event.target.checked)}>
          {t("node.wrap")}
        </Checkbox>
        {(status?.restartCount ?? 0) > 0 && (
          <Checkbox checked={previous} onChange={(event) => setPrevious(event.target.checked)}>
            {t("node.previous")}
          </Checkbox>
        )}
        <Tooltip title={t("common.download")}>
          <Button
            type="text"
            size="small"
            icon={<DownloadOutlined />}
            aria-label={t("common.download")}
            disabled={!started}
            onClick={() => void downloadLog(source)}
          />
        </Tooltip>
      </div>
      <LogLines log={log} find={find} wrap={wrap} {...(waiting ? { waiting } : {})} />
    </div>
  );
}

/** The container that kubectl would take too. */
function preferred(pod: Pod): string | undefined {
  const named = pod.metadata.annotations?.["kubectl.kubernetes.io/default-container"];
  return named ?? pod.spec?.containers.find((c) => c.name === "main")?.name;
}

function statusOf(pod: Pod, container: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find((status) => status.name === container);
}
