#!/bin/sh
# Builds cfssl, cfssljson and kubeadm, the peers of "run.ts pki", from Go's module proxy: testing/peers/pki/build.sh [DIR]
# DIR (default ~/.cache/capstan/peers) gets the programs; nothing is written into the repository. Needs Go 1.24.
set -eu
cfssl=v1.6.5
version=34.1
directory=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/capstan/peers}
command -v go >/dev/null || { echo "build.sh: there is no go on the PATH; https://go.dev/dl has it" >&2; exit 1; }
mkdir -p "$directory/src-kubeadm"
export CGO_ENABLED=0
GOBIN=$directory go install "github.com/cloudflare/cfssl/cmd/cfssl@$cfssl" "github.com/cloudflare/cfssl/cmd/cfssljson@$cfssl"

# kubeadm's go.mod names its staging modules by directories that a module download does not have.
cd "$directory/src-kubeadm"
proxy=$(go env GOPROXY | cut -d, -f1)
staging=$(curl -fsS "$proxy/k8s.io/kubernetes/@v/v1.$version.mod" | sed -n 's/^\t\(k8s\.io\/[^ ]*\) v0\.0\.0\( .*\)*$/\1/p')
{
  echo "module peers"
  echo "go 1.24.0"
  echo "require k8s.io/kubernetes v1.$version"
  for module in $staging; do echo "replace $module => $module v0.$version"; done
} >go.mod
export GOFLAGS=-mod=mod
go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v1.$version" \
  -o "$directory/kubeadm" k8s.io/kubernetes/cmd/kubeadm
echo "export CAPSTAN_PKI_PEERS=$directory"
