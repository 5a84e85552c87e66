# launch.sh join DIR, run by the agent; launch.sh hold DIR, run by itself.
# Starts the container that DIR describes: launch.conf (variables), fstab (its mounts), run (its command line).
# "hold" stays as the parent of the container's first process for as long as that lives: it keeps ./control and the
# FIFOs of the output open, so that a program outlives an agent that does not read, and leaves the status in ./exit.
# ./unstarted says that the program was never started, whatever the agent had written down before it was killed.
# What was printed and not read by then is in the FIFOs alone: they are held until an agent says on ./drained that it
# has it. ./gone ends with this process.
#   fd 1: "made" when the FIFOs are there, "pid N" and "mounted"; then a line "root" on fd 0 enters the new root:
#   "ready"; a line "go" starts the program.
# With $runc, run starts that, which makes the container, and hook.sh speaks for it: on ./say, and it hears ./ask.
set -u
cd "$2" || exit 1
. ./launch.conf

if [ "$1" = join ]; then
  $mkfifo control stdout stderr drained gone $talk $stdin || exit 1
  echo made
  # The cgroup namespace is rooted where its maker is: join first, leave again in "hold".
  for group in $cgroups; do echo 0 >"$group/cgroup.procs" || exit 1; done
  # A score below the agent's own needs CAP_SYS_RESOURCE, which root need not have.
  [ -z "$oom" ] || { echo "$oom" >/proc/self/oom_score_adj; } 2>/dev/null
  eval "exec $enter $sh \"\$0\" hold \"\$2\""
fi

echo $$ >shim
exec 3<>control 4<>stdout 5<>stderr 6>exit 7<&0 8>&1
if [ -n "$talk" ]; then
  for group in $home; do echo 0 >"$group/cgroup.procs"; done
  (
    # 8 stays open as long as runc runs: its end is how the agent learns that no word will come.
    exec 3>&- 6>&- 7<&-
    $mount -n -i -c -a -T "$PWD/fstab" || exit 1
    exec </dev/null >&4 2>&5 4>&- 5>&-
    [ -z "$stdin" ] || exec <"$stdin"
    . "$2/run"
  ) &
  echo $! >parent
  exec </dev/null >/dev/null 2>&1 8<>ask 9<>say
  # Also when the agent has ended: the hook must not wait for ever.
  line=
  while [ "$line" != go ] && [ "$line" != end ]; do
    read -r line <&7 || line=end
    [ "$line" != end ] || : >unstarted
    echo "$line" >&8
  done
else
  # What is started here first is the first process of the PID namespace.
  (
    exec 3>&- 6>&- 8>&-
    # The new root is laid over the old one. This shell's own root stays the old one, so that it reaches the node's
    # programs until the last line of run; from the new one the old cannot be named.
    $mount -n -i -c -a -T "$PWD/fstab" || exit 1
    echo mounted
    # Nothing of the node is run until the agent has seen that every mount is where it should be.
    read -r line <&7 && [ "$line" = root ] || exit 1
    cd "$root" && $mount -n --move . / || exit 1
    echo ready
    read -r line <&7 && [ "$line" = go ] || { : >"$2/unstarted"; exit 1; }
    exec 1>&4 2>&5 4>&- 5>&- 7<&-
    [ -z "$stdin" ] || exec <"$2/$stdin"
    . "$2/run"
  ) &
  echo $! >pid
  echo "pid $!"
  exec </dev/null >/dev/null 2>&1 7<&- 8>&-
  for group in $home; do echo 0 >"$group/cgroup.procs"; done
fi
wait $!
status=$?
exec 7<>drained 8<stdout 9<stderr 4<>gone 5>&-
echo $status >&6
exec 3>&- 6>&-
read -r line <&7
