#!/bin/sh
# Fetches and builds what the stores are tried on into the directory $1: MinIO from the Go proxy, HDFS from Maven Central,
# sshd from Debian. What cannot be had is said, and its tests are skipped.
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" && cd "$1" || exit 1

# The proxy hands out only versions that others already asked for: this is the newest of MinIO's.
minio() {
  mkdir -p minio-src && cd minio-src || return 1
  printf 'module capstan.test/minio\n\ngo 1.24\n' >go.mod
  cat >main.go <<'GO'
package main

import (
	"os"

	minio "github.com/minio/minio/cmd"
)

func main() { minio.Main(os.Args) }
GO
  go get github.com/minio/minio@v0.0.0-20210311070216-f92b7a562103 &&
    go get golang.org/x/sys@v0.30.0 golang.org/x/net@v0.35.0 &&
    go build -trimpath -ldflags "-s -w -checklinkname=0" -o ../minio .
}
[ -x minio ] || (minio) || echo "MinIO could not be built: Go and its module proxy are needed" >&2

[ -d hdfs ] || (mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$1/hdfs.part" && mv hdfs.part hdfs) ||
  echo "HDFS could not be had: Maven, Java 17 and Maven Central are needed" >&2

sshd() {
  mkdir -p sshd.part && cd sshd.part && apt-get download -q openssh-server && dpkg -x openssh-server*.deb . && cp usr/sbin/sshd ../sshd
}
[ -x sshd ] || (sshd) || echo "sshd could not be had: Debian's package openssh-server is needed" >&2
rm -rf minio-src sshd.part
