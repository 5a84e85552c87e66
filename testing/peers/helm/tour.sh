#!/usr/bin/env bash
# A release's life with Helm: install, test, upgrade, a failed upgrade, roll back, uninstall. KUBECONFIG says where.
set -euo pipefail
chart="$(dirname "$0")/fixtures/shop"
export HELM_CACHE_HOME HELM_CONFIG_HOME HELM_DATA_HOME
HELM_CACHE_HOME=$(mktemp -d); HELM_CONFIG_HOME=$HELM_CACHE_HOME/config; HELM_DATA_HOME=$HELM_CACHE_HOME/data
trap 'rm -rf "$HELM_CACHE_HOME"' EXIT
in_shop() { "$@" --namespace shop; }
step() { echo "ok      $1"; }
expect() { # what, wanted, got
  [ "$2" = "$3" ] || { echo "not ok  $1: wanted '$2', got '$3'"; exit 1; }
  step "$1"
}
message() { in_shop kubectl get configmap store -o 'jsonpath={.data.message}'; }
password() { in_shop kubectl get secret store-password -o 'jsonpath={.data.password}'; }

helm lint "$chart" >/dev/null
helm template store "$chart" --kube-version 1.33 >/dev/null
in_shop helm install store "$chart" --create-namespace --wait --timeout 60s >/dev/null
expect "installed" hello "$(message)"
expect "its custom kind is served" 1 "$(in_shop kubectl get shelf store -o 'jsonpath={.spec.boards}')"
expect "its capabilities were discovered" yes "$(in_shop kubectl get configmap store -o 'jsonpath={.data.cron}')"
first=$(password)
in_shop helm test store --timeout 60s >/dev/null
step "its test ran"
in_shop helm upgrade store "$chart" --set message=dry --dry-run=server >/dev/null
expect "a dry run changes nothing" hello "$(message)"
in_shop helm upgrade store "$chart" --set message=bye,replicas=2 --wait --timeout 60s >/dev/null
expect "upgraded" bye "$(message)"
expect "what lookup found stays" "$first" "$(password)"
expect "two replicas are ready" 2 "$(in_shop kubectl get deployment store -o 'jsonpath={.status.readyReplicas}')"
if in_shop helm upgrade store "$chart" --set replicas=0 --atomic --timeout 60s >/dev/null 2>&1; then
  echo "not ok  an upgrade against the schema went through"; exit 1
fi
expect "a refused upgrade is rolled back" bye "$(message)"
kubectl --namespace shop patch configmap store -p '{"data":{"own":"kept"}}' >/dev/null
in_shop helm rollback store 1 --wait --timeout 60s >/dev/null
expect "rolled back" hello "$(message)"
expect "what somebody else wrote stays" kept "$(in_shop kubectl get configmap store -o 'jsonpath={.data.own}')"
expect "its history" "install upgrade upgrade rollback rollback" "$(in_shop helm history store -o json | tr ',' '\n' |
  sed -n 's/.*"description":"\([A-Za-z]*\).*/\1/p' | sed 's/^Install$/install/;s/^Upgrade$/upgrade/;s/^Rollback$/rollback/' | tr '\n' ' ' | sed 's/ $//')"
expect "what it would change" "" "$(in_shop helm get manifest store | kubectl diff --namespace shop -f - || true)"
in_shop helm uninstall store --wait --timeout 60s >/dev/null
expect "uninstalled" "" "$(in_shop kubectl get deployments,services,ingresses,configmaps -l app.kubernetes.io/instance=store -o name)"
expect "its definition stays" customresourcedefinition.apiextensions.k8s.io/shelves.shop.example.com \
  "$(kubectl get crd shelves.shop.example.com -o name)"
