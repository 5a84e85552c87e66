// Workflows for any cluster: what each comes to is said once, whoever runs its pods.

/** Names of images that the cluster's nodes can pull. */
export interface Images {
  /** busybox: `sh` and all that. Its own command is `sh`. */
  busybox: string;
}

export interface Case {
  name: string;
  /** One Workflow, without a namespace. */
  manifest: string;
  phase: "Succeeded" | "Failed" | "Error";
  /** Part of the message of the workflow or one of its nodes. */
  message?: RegExp;
  /** Output parameters and results by the displayed name of the node: `result`, or a parameter's name. */
  outputs?: Record<string, Record<string, string>>;
}

const head = (name: string, entrypoint = "main") =>
  `apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: { name: ${name} }\nspec:\n  entrypoint: ${entrypoint}\n  templates:\n`;

export function casesFor({ busybox: image }: Images): Case[] {
  return [
    {
      name: "parameters",
      phase: "Succeeded",
      outputs: { b: { result: "got five" }, a: { count: "five" } },
      manifest: `${head("parameters")}
    - name: main
      steps:
        - - { name: a, template: make }
        - - { name: b, template: say, arguments: { parameters: [{ name: count, value: "{{steps.a.outputs.parameters.count}}" }] } }
        - - { name: c, template: check, arguments: { parameters: [{ name: r, value: "{{steps.b.outputs.result}}" }] } }
    - name: make
      outputs: { parameters: [{ name: count, valueFrom: { path: /tmp/out/n } }] }
      container: { image: "${image}", command: [sh, -c], args: ["mkdir -p /tmp/out; echo five >/tmp/out/n"] }
    - name: say
      inputs: { parameters: [{ name: count }] }
      script: { image: "${image}", command: [sh], source: 'echo "got {{inputs.parameters.count}}"' }
    - name: check
      inputs: { parameters: [{ name: r }] }
      container: { image: "${image}", command: [test], args: ["{{inputs.parameters.r}}", "=", got five] }
`,
    },
    {
      name: "own-command",
      phase: "Succeeded",
      outputs: { given: { result: "by the image's own shell" } },
      // The image's own command is a shell without arguments, which ends at the end of its input.
      manifest: `${head("own-command")}
    - name: main
      steps: [[{ name: bare, template: bare }], [{ name: given, template: given }], [{ name: use, template: use, arguments: { parameters: [{ name: r, value: "{{steps.given.outputs.result}}" }] } }]]
    - name: bare
      container: { image: "${image}" }
    - name: given
      container: { image: "${image}", args: [echo, "by the image's own shell"] }
    - name: use
      inputs: { parameters: [{ name: r }] }
      container: { image: "${image}", command: ["true"] }
`,
    },
    {
      name: "artifacts",
      phase: "Succeeded",
      manifest: `${head("artifacts")}
    - name: main
      steps:
        - - { name: make, template: make }
        - - name: read
            template: read
            arguments:
              artifacts:
                - { name: tree, from: "{{steps.make.outputs.artifacts.tree}}" }
                - { name: one, from: "{{steps.make.outputs.artifacts.one}}" }
                - { name: raw, raw: { data: from the manifest } }
    - name: make
      volumes: [{ name: work, emptyDir: {} }]
      outputs:
        artifacts:
          - { name: tree, path: /work/tree }
          - { name: one, path: /tmp/one, archive: { none: {} } }
          - { name: none, path: /nowhere, optional: true }
      container:
        image: "${image}"
        command: [sh, -ec]
        args: ["mkdir -p /work/tree/deep; echo x >/work/tree/deep/x; ln -s deep/x /work/tree/l; echo one >/tmp/one; chmod 600 /tmp/one"]
        volumeMounts: [{ name: work, mountPath: /work }]
    - name: read
      volumes: [{ name: data, emptyDir: {} }]
      inputs:
        artifacts:
          - { name: tree, path: /data/tree }
          - { name: one, path: /in/one, mode: 0644 }
          - { name: raw, path: /in/raw }
      container:
        image: "${image}"
        command: [sh, -ec]
        args: ['test "$(cat /data/tree/deep/x)" = x; test "$(cat /data/tree/l)" = x; test "$(cat /in/one)" = one; test "$(stat -c %a /in/one)" = 644; test "$(cat /in/raw)" = "from the manifest"']
        volumeMounts: [{ name: data, mountPath: /data }]
`,
    },
    {
      name: "sidecar-and-daemon",
      phase: "Succeeded",
      manifest: `${head("sidecar-and-daemon")}
    - name: main
      steps:
        - - { name: serve, template: serve }
        - - { name: ask, template: ask, arguments: { parameters: [{ name: ip, value: "{{steps.serve.ip}}" }] } }
    - name: serve
      daemon: true
      container:
        image: "${image}"
        command: [sh, -c, "mkdir -p /tmp/w; echo page >/tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w"]
        readinessProbe: { httpGet: { port: 8080, path: /index.html }, periodSeconds: 1 }
    - name: ask
      inputs: { parameters: [{ name: ip }] }
      container:
        image: "${image}"
        command: [sh, -ec]
        args: ['test "$(wget -qO- http://{{inputs.parameters.ip}}:8080/index.html)" = page; n=0; until wget -qO- http://127.0.0.1:9090/index.html; do n=$((n+1)); test $n -lt 300; sleep 0.2; done']
      sidecars:
        - name: side
          image: "${image}"
          command: [sh, -c, "mkdir -p /tmp/w; echo side >/tmp/w/index.html; exec httpd -f -p 9090 -h /tmp/w"]
        - { name: stubborn, image: "${image}", command: [sh, -c, "trap 'exit 0' TERM; while :; do sleep 0.1; done"] }
`,
    },
    {
      name: "container-set",
      phase: "Succeeded",
      outputs: { "container-set": { order: "a\nb" } },
      manifest: `${head("container-set")}
    - name: main
      outputs: { parameters: [{ name: order, valueFrom: { path: /work/order } }] }
      containerSet:
        volumeMounts: [{ name: work, mountPath: /work }]
        containers:
          - { name: a, image: "${image}", command: [sh, -c], args: ["sleep 0.2; echo a >>/work/order"] }
          - { name: b, image: "${image}", command: [sh, -c], args: ["echo b >>/work/order"], dependencies: [a] }
          - { name: main, image: "${image}", command: [sh, -c], args: ["cat /work/order"], dependencies: [a, b] }
      volumes: [{ name: work, emptyDir: {} }]
`,
    },
    {
      name: "set-fails",
      phase: "Failed",
      manifest: `${head("set-fails")}
    - name: main
      containerSet:
        containers:
          - { name: a, image: "${image}", command: [sh, -c], args: ["exit 3"] }
          - { name: main, image: "${image}", command: [echo, never], dependencies: [a] }
`,
    },
    {
      name: "retries",
      phase: "Succeeded",
      manifest: `${head("retries")}
    - name: main
      retryStrategy: { limit: 3 }
      container: { image: "${image}", command: [sh, -c], args: ["test {{retries}} = 2"] }
`,
    },
    {
      name: "fails",
      phase: "Failed",
      message: /exit code 7/,
      manifest: `${head("fails")}
    - name: main
      outputs: { parameters: [{ name: p, valueFrom: { path: /tmp/p } }] }
      container: { image: "${image}", command: [sh, -c], args: ["echo kept >/tmp/p; exit 7"] }
`,
    },
    {
      name: "no-program",
      phase: "Failed",
      message: /no-such-program/,
      manifest: `${head("no-program")}
    - name: main
      container: { image: "${image}", command: [no-such-program] }
`,
    },
    {
      name: "cannot-start",
      phase: "Failed",
      message: /main: StartError/,
      manifest: `${head("cannot-start")}
    - name: main
      container: { image: "${image}", command: ["true"], workingDir: /bin/sh }
`,
    },
    {
      name: "non-root-pod",
      phase: "Succeeded",
      outputs: { run: { result: "1000", value: "7" } },
      manifest: `${head("non-root-pod").replace("spec:\n", "spec:\n  securityContext: { runAsUser: 1000, runAsGroup: 1000, runAsNonRoot: true, fsGroup: 1000 }\n")}
    - name: main
      steps: [[{ name: run, template: run }], [{ name: use, template: use, arguments: { parameters: [{ name: r, value: "{{steps.run.outputs.result}}" }] } }]]
    - name: run
      outputs: { parameters: [{ name: value, valueFrom: { path: /tmp/value } }] }
      script: { image: "${image}", command: [sh], source: "id -u; umask 077; echo 7 >/tmp/value" }
    - name: use
      inputs: { parameters: [{ name: r }] }
      container: { image: "${image}", command: ["true"] }
`,
    },
    {
      name: "long",
      phase: "Succeeded",
      outputs: { run: { result: "the end" } },
      manifest: `${head("long")}
    - name: main
      steps: [[{ name: run, template: run }], [{ name: use, template: use, arguments: { parameters: [{ name: r, value: "{{steps.run.outputs.result}}" }] } }]]
    - name: run
      script:
        image: "${image}"
        command: [sh]
        source: |
          # ${"x".repeat(300_000)}
          echo the end
    - name: use
      inputs: { parameters: [{ name: r }] }
      container: { image: "${image}", command: ["true"] }
`,
    },
    {
      name: "missing-output",
      phase: "Error",
      message: /output parameter p: there is no file \/tmp\/none/,
      manifest: `${head("missing-output")}
    - name: main
      outputs: { parameters: [{ name: p, valueFrom: { path: /tmp/none } }] }
      container: { image: "${image}", command: ["true"] }
`,
    },
    {
      name: "deadline",
      phase: "Failed",
      manifest: `${head("deadline")}
    - name: main
      activeDeadlineSeconds: 2
      container: { image: "${image}", command: [sleep, "100"] }
`,
    },
    {
      name: "non-root",
      phase: "Succeeded",
      outputs: { run: { result: "1000" } },
      manifest: `${head("non-root")}
    - name: main
      steps: [[{ name: run, template: run }], [{ name: use, template: use, arguments: { parameters: [{ name: r, value: "{{steps.run.outputs.result}}" }], artifacts: [{ name: f, from: "{{steps.run.outputs.artifacts.f}}" }] } }]]
    - name: run
      outputs: { artifacts: [{ name: f, path: /tmp/f }] }
      volumes: [{ name: tmp, emptyDir: {} }]
      script:
        image: "${image}"
        command: [sh]
        source: "id -u; echo mine >/tmp/f"
        volumeMounts: [{ name: tmp, mountPath: /tmp }]
        securityContext: { runAsUser: 1000, runAsNonRoot: true, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
    - name: use
      inputs: { parameters: [{ name: r }], artifacts: [{ name: f, path: /in/f }] }
      container: { image: "${image}", command: [sh, -ec], args: ['test "$(cat /in/f)" = mine'] }
`,
    },
    {
      name: "http",
      phase: "Succeeded",
      outputs: { ask: { result: "page\n" } },
      manifest: `${head("http")}
    - name: main
      steps:
        - - { name: serve, template: serve }
        - - { name: ask, template: ask, arguments: { parameters: [{ name: ip, value: "{{steps.serve.ip}}" }] } }
    - name: serve
      daemon: true
      container:
        image: "${image}"
        command: [sh, -c, "mkdir -p /tmp/w; echo page >/tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w"]
        readinessProbe: { httpGet: { port: 8080, path: /index.html }, periodSeconds: 1 }
    - name: ask
      inputs: { parameters: [{ name: ip }] }
      http: { url: "http://{{inputs.parameters.ip}}:8080/index.html", successCondition: response.statusCode == 200 }
`,
    },
    {
      name: "resource",
      phase: "Succeeded",
      outputs: { resource: { value: "made" } },
      manifest: `${head("resource").replace("spec:\n", "spec:\n  serviceAccountName: maker\n")}
    - name: main
      outputs: { parameters: [{ name: value, valueFrom: { jsonPath: "{.data.v}" } }] }
      resource:
        action: create
        setOwnerReference: true
        successCondition: data.v == made
        manifest: |
          apiVersion: v1
          kind: ConfigMap
          metadata: { name: of-a-workflow }
          data: { v: made }
`,
    },
  ];
}
