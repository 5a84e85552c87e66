import { Secrets } from "@capstan/api/generated/resources";
import type { KubeObject } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { renewalTime } from "@capstan/core/pki";
import { type Controller, createController, createRecorder, type Informers } from "@capstan/core/reconcile";
import { requestServiceCertificate, serviceProblem } from "./request.ts";
import { certificateOf, serviceAnnotation, signerAnnotation, storeCertificate } from "./secret.ts";

export interface CertificateRenewalOptions {
  client: Client;
  informers: Informers;
  log: Logger;
  /** Milliseconds since 1970; default Date.now. */
  now?: () => number;
}

// A timer holds 31 bits of milliseconds.
const longest = 2 ** 31 - 1;

/** Renews the certificates in Secrets of Services when a third of their life is left. */
export function createCertificateRenewal(options: CertificateRenewalOptions): Controller {
  const { client, informers, log, now = Date.now } = options;
  const recorder = createRecorder(client, { component: "service-certificates", log });
  const secrets = informers.informer(Secrets);
  const isOurs = ({ metadata }: KubeObject) => metadata.annotations?.[serviceAnnotation] !== undefined;
  return createController({
    name: "service-certificates",
    informers,
    log,
    sources: [{ resource: Secrets, when: ({ object }) => isOurs(object) }],
    async reconcile(ref, signal) {
      const secret = secrets.get(ref);
      const service = secret?.metadata.annotations?.[serviceAnnotation];
      if (!secret || !service || secret.metadata.deletionTimestamp) return undefined;
      // Whoever may write Secrets in a namespace writes the annotation.
      const problem = serviceProblem(service);
      if (problem) {
        recorder.warning(secret, "CertificateNotRenewed", `annotation ${serviceAnnotation}: ${problem}`);
        return undefined;
      }
      const cert = certificateOf(secret);
      const left = cert ? due(cert) - now() : 0;
      if (left > 0) return { requeueAfter: Math.min(left, longest) };
      const { namespace = "" } = ref;
      const signerName = secret.metadata.annotations?.[signerAnnotation];
      try {
        const pair = await requestServiceCertificate({ client, service, namespace, signerName, signal });
        await storeCertificate(client, ref, pair, { service, signerName });
        recorder.normal(secret, "CertificateRenewed", `the certificate of service ${service} is renewed`);
      } catch (error) {
        recorder.warning(secret, "CertificateNotRenewed", messageOf(error));
        throw error;
      }
      return undefined;
    },
  });
}

/** What is no certificate is due at once. */
function due(cert: string): number {
  try {
    return renewalTime(cert);
  } catch (error) {
    if (error instanceof Error) return 0;
    throw error;
  }
}
