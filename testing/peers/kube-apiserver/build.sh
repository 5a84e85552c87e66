#!/bin/sh
# Builds kube-apiserver and etcd, the peers of "npm run bench -- peer", from Go's module proxy: testing/peers/kube-apiserver/build.sh [DIR]
# DIR (default ~/.cache/capstan/peers) gets the two programs; nothing is written into the repository. Needs Go 1.24.
set -eu
version=34.1
etcd=v3.6.4
directory=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/capstan/peers}
command -v go >/dev/null || { echo "build.sh: there is no go on the PATH; https://go.dev/dl has it" >&2; exit 1; }
mkdir -p "$directory/src"
cd "$directory/src"

# kube-apiserver's own go.mod names its staging modules by directories that a module download does not have.
proxy=$(go env GOPROXY | cut -d, -f1)
staging=$(curl -fsS "$proxy/k8s.io/kubernetes/@v/v1.$version.mod" | sed -n 's/^\t\(k8s\.io\/[^ ]*\) v0\.0\.0\( .*\)*$/\1/p')
{
  echo "module peers"
  echo "go 1.24.0"
  echo "require k8s.io/kubernetes v1.$version"
  echo "require go.etcd.io/etcd/server/v3 $etcd"
  for module in $staging; do echo "replace $module => $module v0.$version"; done
} >go.mod
export GOFLAGS=-mod=mod CGO_ENABLED=0
go build -o "$directory/etcd" go.etcd.io/etcd/server/v3
go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v1.$version" \
  -o "$directory/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
echo "export CAPSTAN_KUBE_APISERVER=$directory/kube-apiserver CAPSTAN_ETCD=$directory/etcd"
