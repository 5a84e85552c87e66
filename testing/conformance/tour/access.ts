// Who may do what: can-i, whoami, certificates, tokens, acting as others.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import type { Kubectl } from "./kubectl.ts";

export async function tourAccess(kubectl: Kubectl): Promise<void> {
  const { namespace } = kubectl;
  await kubectl.matches("auth can-i create pods", /^yes\n$/);
  await kubectl.matches(
    "auth can-i --list",
    /^Resources +Non-Resource URLs +Resource Names +Verbs *\n\*\.\* +\[\] +\[\] +\[\*\] *\n/,
  );
  // 1.27 asks by a version that is no longer.
  if (kubectl.minor > 27) await kubectl.matches("auth whoami", /^ATTRIBUTE +VALUE\nUsername +\S+\n/);
  await kubectl.run("create serviceaccount robot");
  const robot = `system:serviceaccount:${namespace}:robot`;
  assert.match(await kubectl.fails(`auth can-i get pods --as=${robot}`, "", 1), /^no/);
  await kubectl.run("create role reader --verb=get,list,watch --resource=pods");
  await kubectl.run(`create rolebinding readers --role=reader --serviceaccount=${namespace}:robot`);
  await kubectl.matches(`auth can-i get pods --as=${robot}`, /^yes\n$/);
  await kubectl.matches(`auth can-i --list --as=${robot}`, /^pods +\[\] +\[\] +\[get list watch\]/m);
  assert.match(
    await kubectl.fails(`get secrets --as=${robot}`),
    new RegExp(
      `^Error from server \\(Forbidden\\): secrets is forbidden: User "${robot}" cannot list resource "secrets" in API group "" in the namespace "${namespace}"\n$`,
    ),
  );
  const token = (await kubectl.run(`create token robot --duration=10m`)).trim();
  const asRobot = `--kubeconfig ${await withoutUser(kubectl)} --token ${token}`;
  await kubectl.matches(`${asRobot} get pods`, /^No resources found/);
  assert.match(
    await kubectl.fails(`${asRobot} get nodes`),
    /User "system:serviceaccount:\S+:robot" cannot list resource "nodes"/,
  );
  await kubectl.run("describe role reader");
  await kubectl.matches("auth reconcile -f -", /reconciled/, await kubectl.run("get role reader -o json"));
  await tourCertificates(kubectl);
}

/** A kubeconfig of the same cluster without anybody's credentials. */
async function withoutUser(kubectl: Kubectl): Promise<string> {
  const view = JSON.parse(await kubectl.run("config view --raw --minify --flatten -o json"));
  view.users[0].user = {};
  const path = "nobody.json";
  const { writeFileSync } = await import("node:fs");
  writeFileSync(`${kubectl.home}/${path}`, JSON.stringify(view));
  return path;
}

async function tourCertificates(kubectl: Kubectl): Promise<void> {
  const make = async (name: string) => {
    const args = [
      "req",
      "-new",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      `${name}.key`,
    ];
    const request = execFileSync("openssl", [...args, "-subj", `/O=devs/CN=${name}`], {
      cwd: kubectl.home,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const spec = {
      request: request.toString("base64"),
      signerName: "kubernetes.io/kube-apiserver-client",
      usages: ["client auth"],
    };
    const csr = { apiVersion: "certificates.k8s.io/v1", kind: "CertificateSigningRequest", metadata: { name }, spec };
    await kubectl.run("create -f -", JSON.stringify(csr));
  };
  const [good, bad] = [`${kubectl.namespace}-good`, `${kubectl.namespace}-bad`];
  await make(good);
  await make(bad);
  await kubectl.matches(
    `get csr ${good}`,
    /^NAME +AGE +SIGNERNAME +REQUESTOR +REQUESTEDDURATION +CONDITION\n\S+ +\S+ +kubernetes\.io\/kube-apiserver-client +\S+ +<none> +Pending\n$/,
  );
  await kubectl.matches(
    `certificate approve ${good}`,
    /^certificatesigningrequest\.certificates\.k8s\.io\/\S+ approved\n$/,
  );
  await kubectl.run(`wait csr/${good} --for=condition=Approved --timeout=20s`);
  await kubectl.matches(`certificate deny ${bad}`, /denied\n$/);
  await kubectl.matches(`get csr ${bad}`, / Denied\n$/);
  await using issued = kubectl.start(`get csr ${good} -w`);
  await issued.until(/ Approved,Issued\n/);
  await kubectl.run(`delete csr ${good} ${bad}`);
}
