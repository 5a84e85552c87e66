import { type Domain, type DomainQuota, Domains } from "@capstan/api/kinds/domain";
import { isQuantity, StatusError } from "@capstan/api/meta";
import { Alert, Form, Input, InputNumber, Modal, Segmented } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { client } from "../../api/client.ts";

interface Values {
  name: string;
  role: "" | "partner";
  podMaxCount?: number | null;
  cpu?: string;
  memory?: string;
}

/** DNS label. Source: RFC 1123. */
const nameRule = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export function CreateDomain({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [form] = Form.useForm<Values>();
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<StatusError>();
  const submit = async (values: Values) => {
    setBusy(true);
    setRefused(undefined);
    try {
      const made = await client.create(Domains, { metadata: { name: values.name }, spec: specOf(values) });
      navigate(`/domains/${made.metadata.name}`);
    } catch (thrown) {
      setRefused(StatusError.from(thrown));
      setBusy(false);
    }
  };
  const quantity = {
    validator: async (_: unknown, text?: string) => {
      if (text && !isQuantity(text)) throw new Error(t("domains.quantityWrong"));
    },
  };
  return (
    <Modal
      open
      title={t("domains.create")}
      okText={t("common.create")}
      confirmLoading={busy}
      onOk={() => form.submit()}
      onCancel={onClose}
      width={460}
    >
      {refused && <Alert type="error" showIcon title={refused.reason} description={refused.message} className="gap" />}
      <Form form={form} layout="vertical" requiredMark={false} onFinish={submit} initialValues={{ role: "" }}>
        <Form.Item
          name="name"
          label={t("common.name")}
          extra={t("domains.nameHint")}
          rules={[{ required: true, pattern: nameRule, message: t("domains.nameWrong") }]}
        >
          <Input autoFocus className="mono" autoComplete="off" />
        </Form.Item>
        <Form.Item name="role" label={t("domains.role")}>
          <Segmented
            options={[
              { value: "", label: t("domains.inner") },
              { value: "partner", label: t("domains.partner") },
            ]}
          />
        </Form.Item>
        <div className="three">
          <Form.Item name="podMaxCount" label={t("domains.podMax")}>
            <InputNumber min={0} precision={0} placeholder={t("common.unlimited")} />
          </Form.Item>
          <Form.Item name="cpu" label={t("domains.cpu")} rules={[quantity]}>
            <Input placeholder={t("common.unlimited")} />
          </Form.Item>
          <Form.Item name="memory" label={t("domains.memory")} rules={[quantity]}>
            <Input placeholder={t("common.unlimited")} />
          </Form.Item>
        </div>
      </Form>
    </Modal>
  );
}

function specOf({ role, podMaxCount, cpu, memory }: Values): Domain["spec"] {
  const quota: DomainQuota = {
    ...(typeof podMaxCount === "number" ? { podMaxCount } : {}),
    ...(cpu ? { cpu } : {}),
    ...(memory ? { memory } : {}),
  };
  return { ...(role ? { role } : {}), ...(Object.keys(quota).length > 0 ? { resourceQuota: quota } : {}) };
}
