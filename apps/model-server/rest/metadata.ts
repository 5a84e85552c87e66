// Status and metadata answers of TensorFlow Serving: snake_case, 64-bit integers as strings.
import type { Servable, VersionStatus } from "../serving/model-manager.ts";
import type { Signature, TensorSpec } from "../serving/signature.ts";
import { dtypes } from "../tensors/dtype.ts";

export function writeStatus(statuses: VersionStatus[]): string {
  const list = statuses.map(({ version, state, code, message }) => ({
    version: String(version),
    state,
    status: { error_code: code, error_message: message },
  }));
  return JSON.stringify({ model_version_status: list }, undefined, 1);
}

export function writeMetadata(model: string, servable: Servable): string {
  const signatures = Object.values(servable.signatures).map((signature) => [signature.name, signatureDef(signature)]);
  const document = {
    model_spec: { name: model, signature_name: "", version: String(servable.version) },
    metadata: { signature_def: { signature_def: Object.fromEntries(signatures) } },
  };
  return JSON.stringify(document, undefined, 1);
}

function signatureDef({ inputs, outputs, method }: Signature) {
  return { inputs: tensorInfos(inputs), outputs: tensorInfos(outputs), method_name: `tensorflow/serving/${method}` };
}

function tensorInfos(tensors: TensorSpec[]) {
  const entries = tensors.map(({ name, dtype, shape }) => {
    const dim = shape.map((size) => ({ size: String(size), name: "" }));
    return [name, { dtype: dtypes[dtype].tensorflow, tensor_shape: { dim, unknown_rank: false }, name: `${name}:0` }];
  });
  return Object.fromEntries(entries);
}
