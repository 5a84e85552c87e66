import type { Signature, TensorSignature } from "@capstan/api/kinds/model-signature";
import { useTranslation } from "react-i18next";
import { Section } from "../../ui/facts.tsx";

export function SignatureView({ signature }: { signature: Signature | undefined }) {
  const { t } = useTranslation();
  if (!signature) return <p className="faint">{t("models.noSignature")}</p>;
  return (
    <>
      <Tensors title={t("models.input")} of={signature.inputs} />
      <Tensors title={t("models.output")} of={signature.outputs} />
      {signature.classLabels && (
        <Section title={t("models.classes")}>
          <div className="tags">
            {signature.classLabels.map((label) => (
              <span className="tag" key={label}>
                {label}
              </span>
            ))}
          </div>
        </Section>
      )}
    </>
  );
}

function Tensors({ title, of }: { title: string; of: TensorSignature[] }) {
  const { t } = useTranslation();
  const seen = of.some((tensor) => tensor.values || tensor.range);
  return (
    <table className="plain-table gap">
      <thead>
        <tr>
          <th>{title}</th>
          <th>{t("models.dtype")}</th>
          <th>{t("models.shape")}</th>
          <th />
          {seen && (
            <th>
              {t("models.values")} / {t("models.range")}
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {of.map((tensor) => (
          <tr key={tensor.name}>
            <td className="name number">{tensor.name}</td>
            <td className="mono">{tensor.dtype}</td>
            <td className="mono soft number">[{tensor.shape.map((size) => (size < 0 ? "?" : size)).join(", ")}]</td>
            <td className="faint number">{tensor.nullable ? t("models.nullable") : ""}</td>
            {seen && <td className="soft">{seenOf(tensor)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function seenOf({ values, range }: TensorSignature): string {
  if (values) return values.join(", ");
  return range ? `${range.minimum} … ${range.maximum}` : "";
}
