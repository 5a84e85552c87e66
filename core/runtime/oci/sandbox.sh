# sandbox.sh DIR: holds the namespaces that the containers of a pod share, until it is killed.
# DIR/sandbox.conf sets: hostname, net (ip commands, empty on the node's network), bridge, veth, agent (a process in the
# node's network), init (not empty: the containers share a PID namespace, whose first process is started here).
# Says "ready" on fd 1, with the PID of that first process if there is one.
set -u
cd "$1" || exit 1
. ./sandbox.conf
$mkfifo control || exit 1
exec 3<>control
echo $$ >pid
$mount -i -a -T "$PWD/fstab" || exit 1
[ -z "$hostname" ] || echo "$hostname" >/proc/sys/kernel/hostname || exit 1
if [ -n "$net" ]; then
  $ip -batch - <<COMMANDS || exit 1
$net
COMMANDS
  $nsenter --net="/proc/$agent/ns/net" $ip link set "$veth" master "$bridge" up || exit 1
fi
if [ -n "$loopback" ]; then $ip link set lo up || exit 1; fi
eval "$sysctls"
first=
if [ -n "$init" ]; then
  # A shell that waits reaps every orphan of its PID namespace.
  $sh -c 'while :; do sleep 2147483647 & wait $!; done' </dev/null >/dev/null 2>&1 3>&- &
  first=$!
  echo "$first" >init
fi
echo "ready $first"
exec </dev/null >/dev/null 2>&1
# Nobody writes to ./control: this waits for ever.
read -r line <&3
