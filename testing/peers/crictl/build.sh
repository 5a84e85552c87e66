#!/bin/sh
# Builds crictl, the peer of "npm run bench -- pods", from Go's module proxy: testing/peers/crictl/build.sh [DIR]
# DIR (default ~/.cache/capstan/peers) gets the program; nothing is written into the repository. Needs Go 1.24.
set -eu
directory=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/capstan/peers}
command -v go >/dev/null || { echo "build.sh: there is no go on the PATH; https://go.dev/dl has it" >&2; exit 1; }
mkdir -p "$directory/src-crictl"
cd "$directory/src-crictl"

# crictl's own go.mod names Kubernetes' staging modules by commits; the released ones of the same version are equal.
tools=github.com/kubernetes-sigs/cri-tools@v1.26.1
proxy=$(go env GOPROXY | cut -d, -f1)
staging=$(curl -fsS "$proxy/${tools%@*}/@v/${tools#*@}.mod" | sed -n 's/^\t\(k8s\.io\/[^ ]*\) => .*staging.*$/\1/p')
{
  echo "module peers"
  echo "go 1.24.0"
  echo "require ${tools%@*} ${tools#*@}"
  echo "replace k8s.io/kubernetes => k8s.io/kubernetes v1.26.0"
  for module in $staging; do echo "replace $module => $module v0.26.0"; done
} >go.mod
export GOFLAGS=-mod=mod CGO_ENABLED=0
go build -o "$directory/crictl" "${tools%@*}/cmd/crictl"
echo "export CAPSTAN_CRICTL=$directory/crictl"
