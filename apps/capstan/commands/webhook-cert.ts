import { requestServiceCertificate, storeCertificate } from "@capstan/operators/certificates";
import { clusterFlags, openCluster } from "./cluster-access.ts";
import { parse, parseNumber, UsageError } from "./usage.ts";

const flags = {
  ...clusterFlags,
  service: { type: "string" },
  secret: { type: "string" },
  namespace: { type: "string", short: "n", default: "default" },
  signer: { type: "string" },
  "expiration-seconds": { type: "string" },
} as const;

/** A certificate for a Service, asked of the cluster, in a Secret. */
export async function webhookCert(args: string[]): Promise<number> {
  const { values } = parse("webhook-cert", args, flags);
  const { service, secret, namespace, signer: signerName, "expiration-seconds": life } = values;
  if (!service) throw new UsageError("webhook-cert", "--service NAME is missing");
  if (!secret) throw new UsageError("webhook-cert", "--secret NAME is missing");
  const expirationSeconds =
    life === undefined ? undefined : parseNumber("webhook-cert", "--expiration-seconds", life, 600, 2 ** 31 - 1);
  using cluster = await openCluster(values);
  const { client } = cluster;
  const stop = new AbortController();
  process.on("SIGINT", () => stop.abort());
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const { signal } = stop;
  const pair = await requestServiceCertificate({
    client,
    service,
    namespace,
    signal,
    say,
    ...(signerName ? { signerName } : {}),
    ...(expirationSeconds ? { expirationSeconds } : {}),
  });
  await storeCertificate(client, { namespace, name: secret }, pair, { service, signerName });
  say(`secret/${secret} has the certificate and its key (tls.crt, tls.key; cert.pem, key.pem)`);
  return 0;
}
