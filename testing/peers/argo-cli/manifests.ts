// Manifests of the tour; every image is this machine's own programs.
const header = (kind: string, name: string) => `apiVersion: argoproj.io/v1alpha1\nkind: ${kind}\nmetadata: {${name}}\n`;

const body = `
  entrypoint: main
  arguments: {parameters: [{name: message, value: one}]}
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, arguments: {parameters: [{name: text, value: "{{workflow.parameters.message}}"}]}, template: say}
      - name: b
        template: say
        dependencies: [a]
        withItems: [1, 2]
        arguments: {parameters: [{name: text, value: "item {{item}}"}]}
      - {name: c, dependencies: [b], arguments: {parameters: [{name: text, value: last}]}, template: again}
  - name: say
    inputs: {parameters: [{name: text}]}
    container: {image: capstan/host, command: [sh, -c, "echo {{inputs.parameters.text}}"]}
  - name: again
    retryStrategy: {limit: 1}
    inputs: {parameters: [{name: text}]}
    container: {image: capstan/host, command: [sh, -c, "echo {{inputs.parameters.text}}"]}
`;
export const pipeline = `${header("Workflow", "generateName: pipeline-")}spec:${body}`;
export const template = `${header("WorkflowTemplate", "name: lib")}spec:${body}`;

export const approval = `${header("Workflow", "generateName: approval-")}spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - [{name: ask, template: ask}]
    - - name: say
        template: say
        arguments: {parameters: [{name: text, value: "{{steps.ask.outputs.parameters.approve}}"}]}
  - name: ask
    suspend: {}
    inputs: {parameters: [{name: approve, default: "NO", enum: ["YES", "NO"]}]}
    outputs: {parameters: [{name: approve, valueFrom: {supplied: {}}}]}
  - name: say
    inputs: {parameters: [{name: text}]}
    container: {image: capstan/host, command: [sh, -c, "echo {{inputs.parameters.text}}"]}
`;

export const endless = `${header("Workflow", "generateName: endless-")}spec:
  entrypoint: main
  onExit: bye
  templates:
  - {name: main, container: {image: capstan/host, command: [sh, -c, "echo begun; sleep 1000"]}}
  - {name: bye, container: {image: capstan/host, command: [sh, -c, "echo cleaned up"]}}
`;

export const failing = `${header("Workflow", "generateName: failing-")}spec:
  entrypoint: main
  arguments: {parameters: [{name: code, value: "1"}]}
  templates:
  - name: main
    steps:
    - [{name: good, template: good}]
    - [{name: bad, template: bad}]
    - [{name: last, template: good}]
  - {name: good, container: {image: capstan/host, command: [sh, -c, "echo good"]}}
  - {name: bad, container: {image: capstan/host, command: [sh, -c, "exit {{workflow.parameters.code}}"]}}
`;

export const cron = `${header("CronWorkflow", "name: nightly")}spec:
  schedules: ["0 6 * * *"]
  timezone: UTC
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 60
  workflowSpec:
    entrypoint: main
    arguments: {parameters: [{name: who, value: all}]}
    templates:
    - name: main
      container: {image: capstan/host, command: [sh, -c, "echo at {{workflow.scheduledTime}}"]}
`;
