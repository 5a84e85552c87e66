#!/bin/sh
# Builds the argo command line from Go's module proxy: testing/peers/argo-cli/build.sh [DIR]
# DIR (default ~/.cache/capstan/peers) gets the program; nothing is written into the repository. Needs Go 1.24.
set -eu
directory=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/capstan/peers}
command -v go >/dev/null || { echo "build.sh: there is no go on the PATH; https://go.dev/dl has it" >&2; exit 1; }
mkdir -p "$directory"
cd "$directory"
if [ ! -d src-argo ]; then
  module=$(go mod download -json github.com/argoproj/argo-workflows/v4@v4.0.2 | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  cp -r "$module" src-argo.part
  chmod -R u+w src-argo.part
  # The server's pages are built by another tool, and the command line does not show them.
  mkdir -p src-argo.part/ui/dist/app
  : >src-argo.part/ui/dist/app/index.html
  mv src-argo.part src-argo
fi
cd src-argo
CGO_ENABLED=0 go build -o "$directory/argo" ./cmd/argo
echo "export CAPSTAN_ARGO=$directory/argo"
