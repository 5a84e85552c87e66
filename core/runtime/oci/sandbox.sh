# sandbox.sh DIR: holds the namespaces that the containers of a pod share, until it is killed.
# DIR/sandbox.conf sets: hostname, net and port (ip commands for the pod's end and the node's, empty on the node's
# network), agent (a process in the node's network), holder (its cgroup), init (not empty: the containers share a PID
# namespace, whose first process is started here).
# Says "ready" on fd 1, with the PID of that first process if there is one.
set -u
cd "$1" || exit 1
. ./sandbox.conf
[ -z "$holder" ] || echo 0 >"$holder/cgroup.procs" || exit 1
$mkfifo control || exit 1
exec 3<>control
echo $$ >pid
$mount -n -i -c -a -T "$PWD/fstab" || exit 1
if [ -z "$hostname" ]; then :
elif [ -w /proc/sys/kernel/hostname ]; then echo "$hostname" >/proc/sys/kernel/hostname || exit 1
else $rename "$hostname" || exit 1; fi
if [ -n "$net" ]; then
  $ip -batch - <<COMMANDS || exit 1
$net
COMMANDS
  $nsenter --net="/proc/$agent/ns/net" $ip -batch - <<COMMANDS || exit 1
$port
COMMANDS
fi
if [ -n "$loopback" ]; then $ip link set lo up || exit 1; fi
eval "$sysctls"
if [ -n "$init" ]; then
  # A shell that waits reaps every orphan of its PID namespace. /proc is still the node's, and so is the PID it reads.
  $unshare --pid --fork --kill-child $sh -c 'read -r pid rest </proc/self/stat
    echo "$pid" >init
    echo "ready $pid"
    exec </dev/null >/dev/null 2>&1 3>&-
    while :; do sleep 2147483647 & wait $!; done' &
else
  echo ready
fi
exec </dev/null >/dev/null 2>&1
# Nobody writes to ./control: this waits for ever.
read -r line <&3
