// Workloads: rollouts, scale, autoscale, top, wait, expose, and everything that `create` can make.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Kubectl } from "./kubectl.ts";
import { deployment, pod } from "./manifests.ts";

export async function tourWorkloads(kubectl: Kubectl): Promise<void> {
  await tourRollouts(kubectl);
  await tourScale(kubectl);
  await tourJobs(kubectl);
  await tourWait(kubectl);
}

async function tourRollouts(kubectl: Kubectl): Promise<void> {
  await kubectl.run("apply -f -", deployment("web", 1));
  await kubectl.matches("rollout status deployment/web --timeout=20s", /deployment "web" successfully rolled out\n$/);
  await kubectl.matches("rollout restart deployment/web", /^deployment\.apps\/web restarted\n$/);
  await kubectl.matches("rollout status deployment/web --timeout=20s", /successfully rolled out/);
  await kubectl.run("annotate deployment/web kubernetes.io/change-cause=environment");
  await kubectl.run("set env deployment/web A=b");
  await kubectl.run("rollout status deployment/web --timeout=20s");
  await kubectl.matches(
    "rollout history deployment/web",
    /^deployment\.apps\/web \nREVISION +CHANGE-CAUSE\n1 +<none>\n2 +\S+\n3 +environment\n/,
  );
  await kubectl.matches("rollout history deployment/web --revision=3", /A:\tb\n/);
  await kubectl.matches("rollout undo deployment/web", /^deployment\.apps\/web rolled back\n$/);
  await kubectl.matches("get deployment web -o jsonpath={.spec.template.spec.containers[0].env}", /^$/);
  await kubectl.matches("rollout undo deployment/web --to-revision=3", /rolled back/);
  await kubectl.matches("rollout pause deployment/web", /^deployment\.apps\/web paused\n$/);
  assert.match(
    await kubectl.fails("rollout undo deployment/web"),
    /cannot undo a paused deployment|you cannot rollback a paused deployment/,
  );
  await kubectl.matches("rollout resume deployment/web", /^deployment\.apps\/web resumed\n$/);
  await kubectl.run("rollout status deployment/web --timeout=20s");
  await kubectl.matches(
    "get deployment web -o wide",
    /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\nweb +1\/1 +1 +1 +\S+ +main +capstan\/host +app=web\n$/,
  );
  await kubectl.matches("get rs -l app=web", /^NAME +DESIRED +CURRENT +READY +AGE\nweb-/);
  await kubectl.matches(
    "describe deployment web",
    /Replicas: +1 desired \| 1 updated \| 1 total \| 1 available \| 0 unavailable\n[\s\S]*ScalingReplicaSet/,
  );
}

async function tourScale(kubectl: Kubectl): Promise<void> {
  await kubectl.matches("scale deployment/web --replicas=2 --current-replicas=1", /^deployment\.apps\/web scaled\n$/);
  assert.match(
    await kubectl.fails("scale deployment/web --replicas=3 --current-replicas=1"),
    /Expected replicas to be 1, was 2/,
  );
  await kubectl.run("rollout status deployment/web --timeout=20s");
  await kubectl.matches(
    "autoscale deployment/web --min=2 --max=3 --cpu-percent=80",
    /^horizontalpodautoscaler\.autoscaling\/web autoscaled\n$/,
  );
  await kubectl.matches(
    "get hpa web",
    /^NAME +REFERENCE +TARGETS +MINPODS +MAXPODS +REPLICAS +AGE\nweb +Deployment\/web +\S+.* +2 +3 /,
  );
  await kubectl.matches(
    "expose deployment/web --port=80 --target-port=8080 --name=exposed",
    /^service\/exposed exposed\n$/,
  );
  await kubectl.matches(
    "describe svc exposed",
    /Port: +<unset> +80\/TCP\nTargetPort: +8080\/TCP\nEndpoints: +\S+:8080,\S+:8080\n/,
  );
  await kubectl.matches(
    "get endpointslices -l kubernetes.io/service-name=exposed",
    /^NAME +ADDRESSTYPE +PORTS +ENDPOINTS +AGE\nexposed-\w+ +IPv4 +8080 +\S+,\S+ /,
  );
  await kubectl.matches("top pod -l app=web", /^NAME +CPU\(cores\) +MEMORY\(bytes\) *\nweb-\S+ +\d+m +\d+Mi *\n/);
  await kubectl.matches("top pod -l app=web --containers --no-headers", /web-\S+ +main +\d+m +\d+Mi/);
  await kubectl.matches(
    "top node",
    /^NAME +CPU\(cores\) +CPU.* +MEMORY\(bytes\) +MEMORY.*\n\S+ +\d+m +\d+% +\d+Mi +\d+% *\n/,
  );
  await kubectl.run("delete hpa,svc,deployment -l app=web --wait=false");
  await kubectl.run("delete hpa web");
}

async function tourJobs(kubectl: Kubectl): Promise<void> {
  await kubectl.matches("create job once --image=capstan/host -- sh -c 'echo done'", /^job\.batch\/once created\n$/);
  await kubectl.matches("wait --for=condition=complete job/once --timeout=20s", /^job\.batch\/once condition met\n$/);
  await kubectl.matches("logs job/once", /^done\n$/);
  await kubectl.matches("get job once", /^NAME +STATUS +COMPLETIONS +DURATION +AGE\nonce +Complete +1\/1 +\S+ +\S+\n$/);
  await kubectl.matches(
    "create cronjob often --image=capstan/host --schedule='0 0 1 1 *' -- true",
    /^cronjob\.batch\/often created\n$/,
  );
  await kubectl.matches("create job by-hand --from=cronjob/often", /^job\.batch\/by-hand created\n$/);
  await kubectl.run("wait --for=condition=complete job/by-hand --timeout=20s");
  await kubectl.matches(
    "get cronjob often",
    /^NAME +SCHEDULE +TIMEZONE +SUSPEND +ACTIVE +LAST SCHEDULE +AGE\noften +0 0 1 1 \* +<none> +False +0 +<none> /,
  );
  await kubectl.run("delete job,cronjob --all");
}

async function tourWait(kubectl: Kubectl): Promise<void> {
  await kubectl.run("apply -f -", pod("waited"));
  await kubectl.matches("wait --for=condition=Ready pod/waited --timeout=20s", /^pod\/waited condition met\n$/);
  await kubectl.matches("wait --for=jsonpath={.status.phase}=Running pod/waited --timeout=20s", /condition met/);
  const missed = await kubectl.fails("wait --for=condition=Never pod/waited --timeout=1s");
  assert.match(missed, /error: timed out waiting for the condition on pods\/waited/);
  await using waiting = kubectl.start("wait --for=delete pod/waited --timeout=20s");
  await kubectl.run("delete pod waited");
  await waiting.until(/pod\/waited condition met|^$/);
}

/** Every generator of `create`, and what it leaves behind. */
export async function tourGenerators(kubectl: Kubectl): Promise<void> {
  const name = kubectl.namespace;
  writeFileSync(join(kubectl.home, "file.txt"), "from a file\n");
  writeFileSync(join(kubectl.home, "env"), "A=1\nB=2\n");
  const lines: [line: string, made: string][] = [
    ["deployment made --image=nginx --replicas=0 --port=80", "deployment.apps/made"],
    ["configmap made --from-literal=a=ü --from-file=file.txt", "configmap/made"],
    ["configmap env --from-env-file=env", "configmap/env"],
    ["secret generic made --from-literal=p=q", "secret/made"],
    ["secret docker-registry pull --docker-server=r --docker-username=u --docker-password=p", "secret/pull"],
    ["quota made --hard=pods=30,requests.cpu=20", "resourcequota/made"],
    ["serviceaccount made", "serviceaccount/made"],
    ["role made --verb=get,list --resource=pods,deployments.apps", "role.rbac.authorization.k8s.io/made"],
    ["rolebinding made --role=made --serviceaccount=default:default", "rolebinding.rbac.authorization.k8s.io/made"],
    [`clusterrole ${name} --verb=get --resource=nodes`, `clusterrole.rbac.authorization.k8s.io/${name}`],
    [
      `clusterrolebinding ${name} --clusterrole=${name} --user=nobody`,
      `clusterrolebinding.rbac.authorization.k8s.io/${name}`,
    ],
    ["poddisruptionbudget made --selector=app=made --min-available=50%", "poddisruptionbudget.policy/made"],
    [`priorityclass ${name} --value=1000 --description=tour`, `priorityclass.scheduling.k8s.io/${name}`],
    ["ingress made --rule=a.example/x*=made:80,tls=cert", "ingress.networking.k8s.io/made"],
    ["service clusterip made --tcp=80:8080", "service/made"],
    ["service nodeport port --tcp=80:8080", "service/port"],
    ["service externalname name --external-name=example.com", "service/name"],
    ["service loadbalancer balanced --tcp=80:8080", "service/balanced"],
    [`namespace ${name}-made`, `namespace/${name}-made`],
  ];
  for (const [line, made] of lines) assert.equal(await kubectl.run(`create ${line}`), `${made} created\n`);
  await kubectl.matches("get configmap made -o jsonpath={.data}", /^\{"a":"ü","file\.txt":"from a file\\n"\}$/);
  await kubectl.matches("get configmap env -o jsonpath={.data.A}{.data.B}", /^12$/);
  await kubectl.matches("get secret made -o jsonpath={.data.p}", /^cQ==$/);
  await kubectl.matches("get secret pull", /pull +kubernetes\.io\/dockerconfigjson +1 /);
  await kubectl.matches("get quota made", /requests\.cpu: 0\/20/);
  await kubectl.matches(
    "get ingress made",
    /^NAME +CLASS +HOSTS +ADDRESS +PORTS +AGE\nmade +\S+ +a\.example +80, 443 /,
  );
  await kubectl.matches(
    "get pdb made",
    /^NAME +MIN AVAILABLE +MAX UNAVAILABLE +ALLOWED DISRUPTIONS +AGE\nmade +50% +N\/A +0 /,
  );
  await kubectl.matches("get svc", /name +ExternalName +<none> +example\.com +<none> /);
  await kubectl.matches("get svc port", /port +NodePort +\S+ +<none> +80:3\d+\/TCP/);
  await kubectl.matches(`get priorityclass ${name}`, /1000 +false /);
  await kubectl.matches(
    "create deployment dry --image=nginx --dry-run=client -o yaml",
    /^apiVersion: apps\/v1\nkind: Deployment\n/,
  );
  await kubectl.run("delete deployment,quota,pdb,ingress made");
  await kubectl.run(`delete clusterrole,clusterrolebinding,priorityclass ${name}`);
  await kubectl.run(`delete namespace ${name}-made`);
}
