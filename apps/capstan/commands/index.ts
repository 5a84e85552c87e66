import { nearest } from "@capstan/base/errors";
import { clusterHelp } from "./cluster-help.ts";
import { UsageError } from "./usage.ts";

/** Runs with the arguments after the command's name and resolves to the exit code. */
export type Run = (args: string[]) => Promise<number>;

export interface Command {
  name: string;
  summary: string;
  help: string;
  /** In place of `help`, where that depends on the arguments. */
  helpOn?(args: string[]): Promise<string>;
  load(): Promise<Run>;
  /** Started by other commands, not by people. */
  inner?: true;
}

const dataDirectory = `  --data-dir DIR      where everything is kept (default: $CAPSTAN_HOME, else ~/.capstan)`;

export const commands: Command[] = [
  {
    name: "up",
    summary: "start the platform in the foreground; Ctrl-C stops it",
    help: `Usage: capstan up [options]

Starts the cluster, the platform's operators, the gateway and the console in this process. On the first start it also
runs the quickstart: from a table to a served model. Everything is kept in the data directory; start again and it is
as it was.

Options:
${dataDirectory}
  --api-port N        Kubernetes API (default 6443; 0 picks a free port, and DIR/kubeconfig says which)
  --console-port N    web console (default 7070; 0 picks a free port)
  --gateway-port N    models and other routes (default 8080; 0 picks a free port)
  --nodes N           node agents, the further ones as processes of their own (default 1)
  --node-monitor-grace-period SECONDS
                      a node that is silent for longer counts as lost (default 50, at least 15)
  --runtime RUNTIME   what runs containers: runc, unshare (util-linux's program; needs nothing else), auto (the default:
                      runc where it is installed, as root), or cri:unix:///PATH: containerd, CRI-O or another runtime
                      that speaks CRI (runtime.v1) at that socket, with its own images and its own CNI network. Pods of
                      images that are files of this machine (capstan/host, components, the image map) still run in
                      Capstan's own
  --proxy-mode MODE   how Services are served: nftables (the kernel's packet rules: fastest; clients' addresses are kept),
                      userspace (an endpoint that refuses is replaced by another), or auto (the default: nftables where
                      pods have networks of their own and nft is installed). Services whose annotation
                      capstan.dev/scheduler is lc, wlc, sed or nq are served in user space in every mode
  --nodeport-addresses CIDR[,CIDR]
                      opens node ports, and host ports without a hostIP, at this machine's addresses of these ranges, such
                      as 0.0.0.0/0 (default: they are reached from this machine alone)
  --no-quickstart     do not run the quickstart on the first start
  --pod-manifest-path DIR
                      static pods: manifests in this directory run on the first node as long as they are there (default
                      manifests in the data directory)
  --volume-plugin-dir DIR
                      FlexVolume drivers: DIR/VENDOR~DRIVER/DRIVER (default
                      /usr/libexec/kubernetes/kubelet-plugins/volume/exec, as the kubelet's)
  --executor-image REFERENCE
                      run the workflows' init and wait as containers of this image, as on any other cluster (default:
                      the node agents do their work in their own processes, which is faster)
  --image-map FILE    JSON: image pattern → {"rootfs": "host" | directory | OCI layout, "entrypoint"?, "cmd"?, "env"?}
  --registry-mirror REGISTRY=URL
                      ask this server for a registry's images first, such as docker.io=http://10.0.0.1:5000; REGISTRY *
                      stands for all others. May be given again
  --insecure-registry HOST[:PORT]
                      a registry whose certificate is not looked at, and that may speak plain HTTP. May be given again
  --registry-config FILE
                      credentials for registries and mirrors, as "docker login" writes them (config.json); those of
                      pods' imagePullSecrets come first
  --database URL      keep the records (the archive of workflows, memos, lineage, shared locks) in PostgreSQL, such as
                      postgres://capstan@db.example/capstan; the password comes from PGPASSWORD or ~/.pgpass. Several
                      platforms may share it (default: records.db in the data directory)
  --archive-ttl AGE   forget archived workflows so long after their end, such as 30d (default: never)
  --archive-label-selector SELECTOR
                      archive only workflows with such labels (default: all)
  --no-archive        archive no workflows
  --audit-log FILE    append who asked the API server for what, a JSON line an event (audit.k8s.io/v1); at 100 MiB FILE
                      becomes FILE.1, and so on to FILE.9. Bodies of secrets and tokens are never in it
  --audit-policy FILE YAML: an audit.k8s.io/v1 Policy of what to record (default: the metadata of every request)

Try:
  capstan up --data-dir /tmp/try --api-port 0 --console-port 0 --gateway-port 0
  KUBECONFIG=/tmp/try/kubeconfig kubectl get pods -A`,
    load: async () => (await import("./up.ts")).up,
  },
  {
    name: "status",
    summary: "say what is running; exit code 0 when every part is ready",
    help: `Usage: capstan status [options]

Options:
${dataDirectory}
  --wait SECONDS      wait until every part is ready, at most this long
  --json              print JSON: {pid, ready, parts: [{name, ready, message}], addresses}`,
    load: async () => (await import("./status.ts")).status,
  },
  {
    name: "down",
    summary: "stop the platform and wait until it has stopped",
    help: `Usage: capstan down [--data-dir DIR]

Stops the running platform as Ctrl-C does: pods are ended, everything is saved. Programs that handle SIGTERM (or their
image's stop signal) get it and their pod's grace, at most ten seconds; what is left is killed. The next start runs them
again.

Options:
${dataDirectory}`,
    load: async () => (await import("./down.ts")).down,
  },
  {
    name: "workflow",
    summary: "submit, watch, retry, schedule … workflows",
    help: "",
    helpOn: async (args) => (await import("./workflow/index.ts")).workflowHelp(args),
    load: async () => (await import("./workflow/index.ts")).workflow,
  },
  {
    name: "kubeconfig",
    summary: "print the administrator's kubeconfig, or its path",
    help: `Usage: capstan kubeconfig [--path] [--data-dir DIR]

Prints the kubeconfig of the running platform; --path prints only where it is:
  export KUBECONFIG=$(capstan kubeconfig --path)

Options:
${dataDirectory}`,
    load: async () => (await import("./kubeconfig.ts")).kubeconfig,
  },
  {
    name: "domain",
    summary: "show deleted domains, and purge the data of one",
    help: `Usage: capstan domain list [options]
       capstan domain purge NAME --yes [options]

kubectl delete domain NAME keeps everything of the tenant: its namespace is only labelled, and a Domain of the same name
finds it again. purge deletes the namespace of such a Domain with all that is in it, its artifacts and its archived workflows. There is no way back.

Options:
  --yes               purge for good; without it nothing is done
${clusterHelp}`,
    load: async () => (await import("./domain.ts")).domain,
  },
  {
    name: "certs",
    summary: "how long a control plane's certificates live, and new ones",
    help: `Usage: capstan certs check [--dir DIR] [--kubelet-dir DIR] [--warn-days N] [--json] [--prometheus FILE]
       capstan certs check --data-dir DIR
       capstan certs renew all|NAME... [--dir DIR] [--days N] [--new-key] [--dry-run]

check reads a directory that kubeadm made (certificates, kubeconfigs, the kubelet's own), prints when each expires and who
signs it, and ends with exit code 1 when fewer than N days are left or something does not fit together. With --data-dir it
reads those of the embedded cluster, which renews them itself.
renew signs them again with the authorities that are there: subject, names, usages, keys and file modes stay. The old
files are kept beside; either all are new or none is, also when the process is killed: the next run finishes it.

Options:
  --dir DIR           kubeadm's directory (default /etc/kubernetes)
  --kubelet-dir DIR   the kubelet's certificates (default /var/lib/kubelet/pki)
  --warn-days N       fewer days than these are too few (default 30)
  --json              the same as JSON
  --prometheus FILE   write capstan_certificate_days_left for node-exporter's textfile collector
  --days N            life of the new ones (default: that of the old ones)
  --new-key           new keys too, of the same kind
  --dry-run           print what would be renewed`,
    load: async () => (await import("./certs.ts")).certs,
  },
  {
    name: "pki",
    summary: "certificates of your own, with cfssl's files and flags",
    help: `Usage: capstan pki print-defaults config|csr
       capstan pki gencert -initca CSRJSON                         a root authority
       capstan pki gencert -ca FILE -ca-key FILE [-config FILE -profile NAME] [-hostname A,B] [-cn NAME] CSRJSON
       capstan pki genkey CSRJSON | gencsr -key FILE CSRJSON       a key and a request, or a request alone
       capstan pki sign -ca FILE -ca-key FILE [-config FILE -profile NAME] [-hostname A,B] CSR [SUBJECTJSON]
       capstan pki selfsign HOSTNAME CSRJSON
       capstan pki certinfo -cert FILE | -csr FILE | -domain HOST[:PORT]
       capstan pki revoke -db FILE -cert FILE | -serial N -aki ID [-reason NAME]
       capstan pki crl -db FILE -ca FILE -ca-key FILE [-expiry 168h] | gencrl NUMBERS CERT KEY [SECONDS]
       capstan pki ocspserve -db FILE -ca FILE -responder FILE -responder-key FILE [-port N] [-address A]
       capstan pki ocspsign -ca FILE -responder FILE -responder-key FILE -cert FILE [-status S -reason NAME]
       capstan pki bundle -cert FILE | -domain HOST[:PORT] [-ca-bundle FILE] [-int-bundle FILE] [-key FILE]
       capstan pki trust install|remove FILE [-name NAME] [-nss DIR] [-nss-only] [-dry-run]
       capstan pki version
       capstan pki json [-bare] [-encrypt] NAME [-]                writes NAME.pem, NAME-key.pem, NAME.csr
       capstan pki secret NAME -cert FILE -key FILE [-n NAMESPACE] a TLS Secret as YAML

What makes something prints JSON with cert, csr and key, as cfssl does; json turns it into files, as cfssljson does. Keys
are RSA of 2048 to 4096 bits, ECDSA of 256, 384 or 521, and Ed25519. "-" as a file is the standard input. For an encrypted
authority's key the passphrase is asked for, or read from -passphrase-file, whose mode must be 400.

bundle finds the authorities between a certificate and a root, and fetches those that lack from the URLs in it.
trust makes an authority one of this machine's: as Debian keeps them (/usr/local/share/ca-certificates), and in Chromium's
NSS database (~/.pki/nssdb, or DIR) where there is one.

Try:
  capstan pki print-defaults csr > ca-csr.json
  capstan pki gencert -initca ca-csr.json | capstan pki json -bare ca
  capstan pki gencert -ca=ca.pem -ca-key=ca-key.pem -hostname=localhost ca-csr.json | capstan pki json -bare server`,
    load: async () => (await import("./pki/index.ts")).pki,
  },
  {
    name: "webhook-cert",
    summary: "have the cluster sign a certificate for a Service, and keep it in a Secret",
    help: `Usage: capstan webhook-cert --service NAME --secret NAME [-n NAMESPACE] [options]

Makes a key, creates a CertificateSigningRequest for the Service's names, approves it as the kubeconfig's user, waits for
the certificate and writes both to the Secret (tls.crt and tls.key; cert.pem and key.pem). The platform renews it when a
third of its life is left.

Options:
  --service NAME      the Service in front of the webhook
  --secret NAME       made, or changed
  -n, --namespace NS  of both (default: default)
  --signer NAME       who signs (default kubernetes.io/kubelet-serving, which every cluster has; Capstan's own is
                      capstan.dev/serving, which approves by role)
  --expiration-seconds N
                      asks for a life of N seconds, at least 600
${clusterHelp}

Try:
  capstan webhook-cert --service lazykube-webhook-svc --secret lazykube-webhook-certs --namespace kube-system
  capstan webhook-ca-bundle < mutatingwebhook.yaml | kubectl apply -f -`,
    load: async () => (await import("./webhook-cert.ts")).webhookCert,
  },
  {
    name: "webhook-ca-bundle",
    summary: "fill the cluster's CA in as the caBundle of webhook manifests",
    help: `Usage: capstan webhook-ca-bundle [options] < MANIFEST > FILLED

Reads YAML, gives every webhook (and every conversion webhook of a CustomResourceDefinition) whose caBundle is no
certificate the CA of the cluster, and prints the rest as it was; configurations of v1beta1 become v1. Exit code 1 when
there was nothing to fill in.

Options:
${clusterHelp}`,
    load: async () => (await import("./webhook-ca-bundle.ts")).webhookCaBundle,
  },
  {
    name: "backup",
    summary: "write everything the cluster knows to one file, while it runs",
    help: `Usage: capstan backup FILE [--replace] [--salvage] [--data-dir DIR]

FILE gets every object as it was at one moment (writes go on meanwhile), the cluster's keys and certificates, the
settings that belong to them, and the records (the archive of workflows, lineage) unless they are in a database elsewhere. It appears whole or not at all, is read back before it gets its name, and holds secrets:
its mode is 0600. What pods have written (artifacts, volumes, logs, images) is not in it: copy DIR/artifacts and
DIR/volumes too where you need them. A stopped cluster is backed up from its directory.

Options:
${dataDirectory}
  --replace           overwrite FILE when it exists
  --salvage           of a damaged store, take what can be read: without it a damaged store is refused, so that no
                      whole backup is replaced by half of one

Try:
  capstan backup monday.capstan
  capstan restore monday.capstan --data-dir /tmp/drill`,
    load: async () => (await import("./backup.ts")).backup,
  },
  {
    name: "restore",
    summary: "make a data directory of a backup",
    help: `Usage: capstan restore FILE [--replace] [--data-dir DIR]

DIR becomes the cluster that "capstan backup" wrote to FILE: an absent or empty directory or, with --replace, a stopped
cluster's. FILE is read to its end before anything in DIR changes, and refused when it is damaged, half, another
program's or a newer Capstan's. Cut short, a restore is run again. Artifacts and volumes in DIR stay as they are.

The revision goes on far above the backup's, so that clients which saw later states list anew.

Options:
${dataDirectory}
  --replace           give up the cluster that DIR holds now

Try:
  capstan down && capstan restore monday.capstan --replace && capstan up`,
    load: async () => (await import("./restore.ts")).restore,
  },
  {
    name: "operate",
    summary: "run the operators for Domains, certificates, images and workflows against a cluster of your own",
    help: `Usage: capstan operate [--kubeconfig FILE] [--context NAME] [--webhook-host ADDRESS]
                       [--workflows --executor-image REFERENCE] [--install]

Defines the kind Domain in the cluster of the kubeconfig, and reconciles Domains there: namespace, quota, role, members,
settings, node health. Renews the certificates that "capstan webhook-cert" made. With --webhook-host it defines
ImagePolicy too, and serves its webhooks. With --workflows it runs Workflows and CronWorkflows, too: their pods take init
and wait from the executor's image, which "node tools/executor-image/main.ts" builds. Several processes may run; one leads, by the Lease kube-system/capstan-operators.

Options:
  --kubeconfig FILE   default: $KUBECONFIG, else, in a pod, the pod's account
  --context NAME      default: the kubeconfig's current one
  --workflows         run Workflows, where no other controller of Argo's kinds does
  --install           create Argo's kinds where they are missing, what the roles view, edit and admin may do with them,
                      and the role capstan-workflow-operator for the account that this runs as
  --executor-image REFERENCE
                      the executor's image, as the nodes pull it
  --artifact-volume JSON
                      source of a volume that keeps artifacts where a workflow names no repository, such as
                      {"persistentVolumeClaim":{"claimName":"artifacts"}} (each namespace has its own claim)
  --config-namespace NAME
                      where the ConfigMap workflow-controller-configmap is, of which "images" is read (default argo)
  --database URL      archive finished workflows in PostgreSQL, write lineage down there, and share locks by it with other
                      clusters: "capstan workflow archive list --database URL" reads it. The password comes from
                      PGPASSWORD or ~/.pgpass
  --archive-ttl AGE, --archive-label-selector SELECTOR, --no-archive
                      as those of "capstan up"
  --webhook-host ADDRESS
                      where the cluster's API server reaches this process: image policies are enforced from there

Try:
  capstan operate --kubeconfig ~/.kube/config &
  kubectl apply -f examples/quickstart/domain.yaml`,
    load: async () => (await import("./operate.ts")).operate,
  },
  {
    name: "join",
    summary: "make this process a node of a running cluster, by a Domain's token",
    help: `Usage: capstan join --server URL --ca FILE --token TOKEN --dir DIR [--name NODE]

Asks the cluster for the node's certificates with a token (of a Domain's status, or any bootstrap token), and then runs
the node's agent until Ctrl-C. Whoever joined with a Domain's token is a node of that Domain. Started again with the same
DIR it needs no token, also where it was cut off while joining; it renews its certificates itself. Pods of a joined node have a network of their own: on the cluster's machine they reach its
services; on another machine they reach the outside. NetworkPolicies are enforced on the cluster's own nodes only.

Options:
  --server URL        of the API, such as https://127.0.0.1:6443
  --ca FILE           the cluster's CA, such as the platform's DIR/pki/ca.crt
  --token TOKEN       kubectl get domain alice -o jsonpath='{.status.deployTokenStatuses[?(@.state=="unused")].token}'
  --token-file FILE   the same from a file: arguments can be read by everybody on the machine
  --dir DIR           where the node keeps its certificates and pods
  --name NODE         default: this machine's name`,
    load: async () => (await import("./join.ts")).join,
  },
  {
    name: "node",
    summary: "run the agent of one further node",
    help: `Usage: capstan node DIR

The agent of a further node. "capstan up --nodes N" writes DIR and starts it; there is no need to start one by hand.`,
    load: async () => (await import("./node.ts")).node,
    inner: true,
  },
];

export function overview(all: Command[]): string {
  const shown = all.filter((command) => !command.inner);
  const width = Math.max(...shown.map((command) => command.name.length));
  const lines = shown.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `Capstan: an AI platform for Kubernetes, from data to a served model.

Usage: capstan COMMAND [options]

${lines.join("\n")}

"capstan COMMAND --help" says more. Start with: capstan up`;
}

export function findCommand(name: string): Command {
  const found = commands.find((command) => command.name === name);
  if (found) return found;
  const near = nearest(
    name,
    commands.map((command) => command.name),
  );
  throw new UsageError("help", `there is no command "${name}"${near ? `; did you mean "${near}"?` : ""}`);
}
