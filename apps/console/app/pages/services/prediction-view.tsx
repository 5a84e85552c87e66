import type { Signature } from "@capstan/api/kinds/model-signature";
import { Alert } from "antd";
import { useTranslation } from "react-i18next";
import { Code, Facts } from "../../ui/facts.tsx";
import { type Answer, type Prediction, readPrediction } from "./prediction.ts";

/** The label large, the probabilities as bars, everything else as it came. */
export function PredictionView({ answer, signature }: { answer: Answer; signature: Signature | undefined }) {
  const { t } = useTranslation();
  const raw = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body, null, 2);
  if (!answer.ok) {
    const { error, message } = (answer.body ?? {}) as { error?: string; message?: string };
    return (
      <Alert
        type="error"
        showIcon
        title={`HTTP ${answer.status}`}
        description={<Code wrap>{error ?? message ?? raw}</Code>}
      />
    );
  }
  const prediction = signature && readPrediction(signature, answer.body);
  return (
    <div className="prediction" role="status">
      {prediction && <Read prediction={prediction} />}
      <details open={!prediction}>
        <summary>{t("services.raw")}</summary>
        <Code wrap>{raw}</Code>
      </details>
    </div>
  );
}

function Read({ prediction }: { prediction: Prediction }) {
  const { t } = useTranslation();
  const { label, probabilities, others } = prediction;
  const best = Math.max(...probabilities.map((p) => p.probability));
  return (
    <>
      {label !== undefined && <strong className="prediction-label">{label}</strong>}
      {probabilities.length > 0 && (
        <table className="probabilities" aria-label={t("services.probability")}>
          <tbody>
            {probabilities.map((row) => (
              <tr key={row.label} className={row.probability === best ? "probability-best" : ""}>
                <th scope="row">{row.label}</th>
                <td>
                  <div className="bar">
                    <i style={{ width: `${row.probability * 100}%` }} />
                  </div>
                </td>
                <td className="number">{formatShare(row.probability)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {others.length > 0 && (
        <Facts of={others.map(([name, value]) => [name, <code key={name}>{JSON.stringify(value)}</code>])} />
      )}
    </>
  );
}

/** Never rounded to a certainty that the model did not state. */
function formatShare(share: number): string {
  if (share > 0 && share < 0.001) return "< 0.1%";
  if (share < 1 && share > 0.999) return "> 99.9%";
  return `${(share * 100).toFixed(1)}%`;
}
