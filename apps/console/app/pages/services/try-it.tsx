import type { Signature, TensorSignature } from "@capstan/api/kinds/model-signature";
import type { InferenceService } from "@capstan/api/kinds/serving";
import { messageOf } from "@capstan/base/errors";
import { Alert, AutoComplete, Button, Form, Input, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSession } from "../../api/session.ts";
import { Code, Section } from "../../ui/facts.tsx";
import { Empty } from "../../ui/states.tsx";
import { type Answer, curlLine, predict, rowOf } from "./prediction.ts";
import { PredictionView } from "./prediction-view.tsx";
import { serviceState } from "./service-state.ts";

type Values = Record<string, string | undefined>;

export interface TryItProps {
  service: InferenceService;
  signature: Signature | undefined;
}

/** A form made from the model's signature; what it sends is what curl would send. */
export function TryIt({ service, signature }: TryItProps) {
  const { t } = useTranslation();
  const session = useSession();
  const target = { namespace: service.metadata.namespace ?? "", name: service.metadata.name };
  const [body, setBody] = useState(() => JSON.stringify({ instances: [exampleRow(signature)] }));
  const [answer, setAnswer] = useState<Answer>();
  const [busy, setBusy] = useState(false);
  const [broken, setBroken] = useState<string>();
  const { ready, message } = serviceState(service);
  const send = async (text: string) => {
    setBody(text);
    setBusy(true);
    setBroken(undefined);
    await predict(target, text).then(setAnswer, (error) => setBroken(messageOf(error)));
    setBusy(false);
  };
  const { url } = service.status ?? {};
  return (
    <div className="try">
      <div>
        {!ready && !message && <Alert type="warning" showIcon title={t("services.notReady")} className="gap" />}
        {signature ? (
          <ColumnForm signature={signature} busy={busy} disabled={!ready} onSend={send} />
        ) : (
          <JsonForm body={body} busy={busy} disabled={!ready} onSend={send} />
        )}
      </div>
      <div>
        <Section
          title={t("services.answer")}
          aside={answer && t("services.took", { ms: Math.round(answer.milliseconds) })}
        >
          {broken !== undefined && <Alert type="error" showIcon title={broken} />}
          {answer ? (
            <PredictionView answer={answer} signature={signature} />
          ) : (
            <Empty title={t("services.answerHint")} />
          )}
        </Section>
        {url && session && (
          <Section title={t("services.request")}>
            <Code wrap>{curlLine(target, { url, body, gateway: session.gateway, tokenFile: session.tokenFile })}</Code>
            {!session.tokenFile && (
              <p className="faint hint">{t("services.requestHint", { namespace: target.namespace })}</p>
            )}
          </Section>
        )}
      </div>
    </div>
  );
}

function exampleRow(signature: Signature | undefined) {
  return rowOf(signature?.inputs ?? [], exampleValues(signature?.inputs ?? []));
}

/** A value that the model has seen for every column: its example, the middle of its range, its first value. */
function exampleValues(inputs: TensorSignature[]): Values {
  const of = ({ dtype, example, range, values }: TensorSignature) => {
    if (example !== undefined) return String(example);
    if (!range) return values?.[0] ?? "";
    const middle = (range.minimum + range.maximum) / 2;
    return dtype.startsWith("int") ? String(Math.round(middle)) : String(Number(middle.toPrecision(4)));
  };
  return Object.fromEntries(inputs.map((input) => [input.name, of(input)]));
}

interface FormProps {
  busy: boolean;
  disabled: boolean;
  onSend: (body: string) => Promise<void>;
}

function ColumnForm({ signature, busy, disabled, onSend }: FormProps & { signature: Signature }) {
  const { t } = useTranslation();
  const { inputs } = signature;
  const [form] = Form.useForm<Values>();
  const fill = (values: Values) => form.setFieldsValue(values);
  const empty = Object.fromEntries(inputs.map((input) => [input.name, undefined]));
  return (
    <Form
      form={form}
      layout="vertical"
      requiredMark={false}
      initialValues={exampleValues(inputs)}
      onFinish={(values) => onSend(JSON.stringify({ instances: [rowOf(inputs, values)] }))}
    >
      <div className="try-columns">
        {inputs.map((input) => (
          <ColumnField key={input.name} input={input} />
        ))}
      </div>
      <div className="try-buttons">
        <Button type="primary" htmlType="submit" loading={busy} disabled={disabled}>
          {t("services.predict")}
        </Button>
        <Button onClick={() => fill(exampleValues(inputs))}>{t("services.example")}</Button>
        <Button type="text" onClick={() => fill(empty)}>
          {t("services.clear")}
        </Button>
      </div>
    </Form>
  );
}

const wholeNumber = /^\s*[+-]?\d+\s*$/;

function ColumnField({ input }: { input: TensorSignature }) {
  const { t } = useTranslation();
  const { name, dtype, nullable, range } = input;
  const number = dtype !== "string" && dtype !== "bool";
  const whole = dtype.startsWith("int");
  const check = async (_: unknown, value: string | undefined) => {
    const text = value?.trim() ?? "";
    if (text === "" && !nullable) throw new Error(t("templates.required"));
    if (text === "" || !number) return;
    if (whole && !wholeNumber.test(text)) throw new Error(t("services.whole"));
    if (!Number.isFinite(Number(text))) throw new Error(t("services.number"));
  };
  const placeholder = nullable ? t("services.leaveEmpty") : "";
  const extra = range ? `${range.minimum} … ${range.maximum}` : undefined;
  return (
    <Form.Item
      name={name}
      label={
        <>
          <code>{name}</code>
          <span className="faint field-type">{dtype}</span>
        </>
      }
      extra={extra}
      rules={[{ validator: check }]}
    >
      {dtype === "bool" ? (
        <Select allowClear={nullable ?? false} options={["true", "false"].map((value) => ({ value, label: value }))} />
      ) : input.values ? (
        <AutoComplete allowClear placeholder={placeholder} options={input.values.map((value) => ({ value }))} />
      ) : (
        <Input placeholder={placeholder} inputMode={number ? "decimal" : "text"} autoComplete="off" />
      )}
    </Form.Item>
  );
}

function JsonForm({ body, busy, disabled, onSend }: FormProps & { body: string }) {
  const { t } = useTranslation();
  const check = async (_: unknown, text: string) => {
    try {
      JSON.parse(text);
    } catch (error) {
      throw new Error(t("services.badJson", { why: messageOf(error) }));
    }
  };
  return (
    <Form layout="vertical" initialValues={{ body }} onFinish={({ body: text }: { body: string }) => onSend(text)}>
      <Form.Item name="body" label={t("services.formless")} rules={[{ validator: check }]}>
        <Input.TextArea className="mono" autoSize={{ minRows: 6, maxRows: 20 }} spellCheck={false} />
      </Form.Item>
      <Button type="primary" htmlType="submit" loading={busy} disabled={disabled}>
        {t("services.predict")}
      </Button>
    </Form>
  );
}
