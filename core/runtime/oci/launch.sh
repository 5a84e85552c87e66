# launch.sh join DIR, run by the agent; launch.sh hold DIR, run by itself.
# Starts the container that DIR describes: launch.conf (variables), fstab (its mounts), run (its command line).
# "hold" stays as the parent of the container's first process for as long as that lives: it keeps ./control and the
# FIFOs of the output open, so that a program outlives an agent that does not read, and leaves the status in ./exit.
#   fd 1: "pid N" and "mounted"; then a line "root" on fd 0 enters the new root: "ready"; a line "go" starts the program.
set -u
cd "$2" || exit 1
. ./launch.conf

if [ "$1" = join ]; then
  $mkfifo control stdout stderr $stdin || exit 1
  # The cgroup namespace is rooted where its maker is: join first, leave again in "hold".
  for group in $cgroups; do echo 0 >"$group/cgroup.procs" || exit 1; done
  # A score below the agent's own needs CAP_SYS_RESOURCE, which root need not have.
  [ -z "$oom" ] || { echo "$oom" >/proc/self/oom_score_adj; } 2>/dev/null
  eval "exec $enter $sh \"\$0\" hold \"\$2\""
fi

echo $$ >shim
# What is started here first is the first process of the PID namespace.
exec 3<>control 4<>stdout 5<>stderr 6>exit 7<&0
(
  exec 3>&- 6>&-
  # The new root is laid over the old one. This shell's own root stays the old one, so that it reaches the node's
  # programs until the last line of run; from the new one the old cannot be named.
  $mount -n -i -a -T "$PWD/fstab" || exit 1
  echo mounted
  # Nothing of the node is run until the agent has seen that every mount is where it should be.
  read -r line <&7 && [ "$line" = root ] || exit 1
  cd "$root" && $mount -n --move . / || exit 1
  echo ready
  read -r line <&7 && [ "$line" = go ] || exit 1
  exec 1>&4 2>&5 4>&- 5>&- 7<&-
  [ -z "$stdin" ] || exec <"$2/$stdin"
  . "$2/run"
) &
echo $! >pid
echo "pid $!"
exec </dev/null >/dev/null 2>&1 7<&-
for group in $home; do echo 0 >"$group/cgroup.procs"; done
wait $!
echo $? >&6
