import { type Parameter, type Workflow, Workflows, type WorkflowTemplate } from "@capstan/api/kinds/workflow";
import { StatusError } from "@capstan/api/meta";
import { Alert, App, Button, Drawer, Form, Input, Select } from "antd";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { useMay } from "../../api/access.ts";
import { client } from "../../api/client.ts";
import { Section } from "../../ui/facts.tsx";
import { GraphView } from "../workflows/graph.tsx";
import { planOf } from "../workflows/graph-model.ts";
import { workflowHref } from "../workflows/workflows-page.tsx";

/** What will run, the parameters it asks for, and the button. */
export function RunDrawer({ template, onClose }: { template: WorkflowTemplate; onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { message } = App.useApp();
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<StatusError>();
  const [form] = Form.useForm<Record<string, string>>();
  const { name, namespace = "" } = template.metadata;
  const may = useMay({ verb: "create", resource: Workflows, namespace });
  const parameters = template.spec.arguments?.parameters ?? [];
  const plan = useMemo(() => planOf(template.spec), [template]);
  const submit = async (values: Record<string, string>) => {
    setBusy(true);
    setRefused(undefined);
    try {
      const started = await run(template, values);
      void message.success(t("templates.started", { name: started.metadata.name }));
      navigate(workflowHref(started));
    } catch (thrown) {
      setRefused(StatusError.from(thrown));
    }
    setBusy(false);
  };
  const footer = (
    <div className="drawer-foot">
      <Button onClick={onClose}>{t("common.cancel")}</Button>
      <Button type="primary" loading={busy} disabled={!may} onClick={() => form.submit()}>
        {t("templates.submit")}
      </Button>
    </div>
  );
  return (
    <Drawer open onClose={onClose} size={620} title={t("templates.runTitle", { name })} footer={footer}>
      {refused && <Alert type="error" showIcon title={refused.reason} description={refused.message} className="gap" />}
      <Section title={t("templates.parameters")}>
        {parameters.length === 0 && <p className="faint">{t("templates.noParameters")}</p>}
        <Form form={form} layout="vertical" onFinish={submit} requiredMark={false}>
          {parameters.map((parameter) => (
            <ParameterField key={parameter.name} parameter={parameter} />
          ))}
        </Form>
      </Section>
      {plan.nodes.length > 0 && (
        <Section title={t("templates.preview")}>
          <div className="plan">
            <GraphView graph={plan} />
          </div>
        </Section>
      )}
    </Drawer>
  );
}

function ParameterField({ parameter }: { parameter: Parameter }) {
  const { t } = useTranslation();
  const initial = parameter.value ?? parameter.default;
  const choices = parameter.enum?.map((value) => ({ value: String(value), label: String(value) }));
  return (
    <Form.Item
      name={parameter.name}
      label={<code>{parameter.name}</code>}
      extra={parameter.description}
      initialValue={initial === undefined ? undefined : String(initial)}
      rules={initial === undefined ? [{ required: true, message: t("templates.required") }] : []}
    >
      {choices ? <Select options={choices} /> : <Input className="mono" autoComplete="off" />}
    </Form.Item>
  );
}

/** Only what differs from the template's own values is sent. */
async function run(template: WorkflowTemplate, values: Record<string, string>): Promise<Workflow> {
  const { name, namespace } = template.metadata;
  const own = new Map(template.spec.arguments?.parameters?.map((p) => [p.name, String(p.value ?? "")]));
  const changed = Object.entries(values).filter(([key, value]) => value !== undefined && own.get(key) !== value);
  const parameters = changed.map(([key, value]) => ({ name: key, value }));
  return client.create(Workflows, {
    metadata: { generateName: `${name}-`, ...(namespace ? { namespace } : {}) },
    spec: { workflowTemplateRef: { name }, ...(parameters.length > 0 ? { arguments: { parameters } } : {}) },
  });
}
