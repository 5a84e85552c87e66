import { MoreOutlined } from "@ant-design/icons";
import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { StatusError } from "@capstan/api/meta";
import { App, Button, Dropdown, type MenuProps } from "antd";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useMay } from "../../api/access.ts";
import { hasFailed, isOver, isSuspended, remove, resume, retry, runAgain, shutDown, suspend } from "./actions.ts";
import { workflowHref } from "./workflows-page.tsx";

/** Buttons for what can be done now and for what this person has the right to. */
export function WorkflowActions({ workflow }: { workflow: Workflow }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { message, modal, notification } = App.useApp();
  const { namespace = "", name } = workflow.metadata;
  const mayChange = useMay({ verb: "update", resource: Workflows, namespace, name });
  const mayCreate = useMay({ verb: "create", resource: Workflows, namespace });
  const mayDelete = useMay({ verb: "delete", resource: Workflows, namespace, name });
  const over = isOver(workflow);
  const suspended = isSuspended(workflow);

  const attempt = async (action: () => Promise<unknown>) => {
    try {
      await action();
    } catch (thrown) {
      const error = StatusError.from(thrown);
      notification.error({ title: `${t("common.failed")}: ${error.reason}`, description: error.message });
    }
  };
  const confirm = (title: string, okText: string, action: () => Promise<unknown>) => {
    void modal.confirm({ title, okText, okButtonProps: { danger: true }, onOk: () => attempt(action) });
  };
  const again = async () => {
    const started = await runAgain(workflow);
    void message.success(t("workflows.againDone", { name: started.metadata.name }));
    navigate(workflowHref(started));
  };
  const stop = () => confirm(t("workflows.stopConfirm"), t("workflows.stop"), () => shutDown(workflow, "Stop"));
  const terminate = () =>
    confirm(t("workflows.terminateConfirm"), t("workflows.terminate"), () => shutDown(workflow, "Terminate"));
  const drop = () =>
    confirm(t("workflows.deleteConfirm", { name }), t("common.delete"), async () => {
      await remove(workflow);
      navigate("/workflows");
    });
  const more: MenuProps["items"] = [
    { key: "suspend", label: t("workflows.suspend"), disabled: over || suspended || !mayChange },
    { key: "terminate", label: t("workflows.terminate"), danger: true, disabled: over || !mayChange },
    { key: "delete", label: t("common.delete"), danger: true, disabled: !mayDelete },
  ];
  const chosen: MenuProps["onClick"] = ({ key }) => {
    if (key === "suspend") void attempt(() => suspend(workflow));
    else if (key === "terminate") terminate();
    else drop();
  };
  return (
    <>
      {!over && suspended && (
        <Button type="primary" disabled={!mayChange} onClick={() => void attempt(() => resume(workflow))}>
          {t("workflows.resume")}
        </Button>
      )}
      {!over && (
        <Button disabled={!mayChange} onClick={stop}>
          {t("workflows.stop")}
        </Button>
      )}
      {over && (
        <Button disabled={!mayCreate} onClick={() => void attempt(again)}>
          {t("workflows.again")}
        </Button>
      )}
      {hasFailed(workflow) && (
        <Button disabled={!mayChange} onClick={() => void attempt(() => retry(workflow))}>
          {t("workflows.retry")}
        </Button>
      )}
      <Dropdown menu={{ items: more, onClick: chosen }} trigger={["click"]} placement="bottomRight">
        <Button icon={<MoreOutlined />} aria-label={t("app.menu")} />
      </Dropdown>
    </>
  );
}
