import type { CertificateSigningRequest } from "@capstan/api/generated/certificates-v1";
import type { Authorizer } from "../authorization/index.ts";
import { forbiddenObject } from "../authorization/index.ts";
import type { AdmissionPlugin, Attributes } from "../request.ts";

const group = "certificates.k8s.io";

/**
 * Records who asks for a certificate, and lets only those approve or sign who may do so for its signer.
 * Source: kubernetes/plugin/pkg/admission/certificates and registry/certificates.
 */
export function createCertificateAdmission(authorize: Authorizer): AdmissionPlugin {
  const isRequest = ({ info }: Attributes) => info.group === group && info.resource === "certificatesigningrequests";
  return {
    name: "CertificateSigningRequests",
    admit: (attributes) => {
      const { operation, info, object, principal } = attributes;
      if (!isRequest(attributes) || operation !== "CREATE" || info.subresource !== "") return;
      const { spec } = object as CertificateSigningRequest;
      spec.username = principal.name;
      spec.groups = [...principal.groups];
      if (principal.uid) spec.uid = principal.uid;
      else delete spec.uid;
      if (principal.extra) spec.extra = principal.extra;
      else delete spec.extra;
    },
    validate: (attributes) => {
      const { operation, info, oldObject, object } = attributes;
      if (!isRequest(attributes) || operation !== "UPDATE" || !oldObject) return;
      const [old, next] = [oldObject as CertificateSigningRequest, object as CertificateSigningRequest];
      if (info.subresource === "approval") requireSigner(authorize, attributes, old.spec.signerName, "approve");
      const signs = info.subresource === "status" && next.status?.certificate !== old.status?.certificate;
      if (signs) requireSigner(authorize, attributes, old.spec.signerName, "sign");
    },
  };
}

function requireSigner(
  authorize: Authorizer,
  { info, name, principal }: Attributes,
  signer: string,
  verb: string,
): void {
  const base = {
    principal,
    verb,
    isResource: true,
    path: "",
    group,
    version: "v1",
    resource: "signers",
    subresource: "",
    namespace: "",
  };
  const names = [signer, `${signer.split("/")[0]}/*`];
  if (names.some((one) => authorize({ ...base, name: one }).allowed)) return;
  throw forbiddenObject(info, name, `user not permitted to ${verb} requests with signerName ${JSON.stringify(signer)}`);
}
