import { Pods } from "@capstan/api/generated/resources";
import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";
import { useTranslation } from "react-i18next";
import { useLiveObject } from "../../api/use-live.ts";
import { PodLogs } from "../../ui/pod-logs.tsx";
import { Empty, Failure, Loading } from "../../ui/states.tsx";
import { podNameOf } from "./pod-name.ts";

/** The log of a step's pod while there is one. */
export function NodeLogs({ workflow, node }: { workflow: Workflow; node: NodeStatus }) {
  const { t } = useTranslation();
  const { namespace } = workflow.metadata;
  const hasPod = node.type === "Pod" && namespace !== undefined;
  const live = useLiveObject(Pods, hasPod ? { namespace, name: podNameOf(workflow, node) } : undefined);
  if (!hasPod) return <Empty title={t("node.noPod")} />;
  if (live.state === "failed" && live.error) return <Failure error={live.error} />;
  if (live.object) {
    return (
      <div className="panel-logs">
        <PodLogs pod={live.object} />
      </div>
    );
  }
  if (live.state === "loading") return <Loading />;
  return <Empty title={node.finishedAt ? t("node.podGone") : t("node.notStarted")} />;
}
