# exec.sh DIR COMMAND...: runs a command in the container of DIR, from its namespaces but with the node's root.
set -u
cd "$1" || exit 1
. ./launch.conf
for group in $cgroups; do echo 0 >"$group/cgroup.procs" || exit 1; done
[ -z "$oom" ] || { echo "$oom" >/proc/self/oom_score_adj; } 2>/dev/null
file=$1/exec
echo started >&3
exec 3>&-
shift
. "$file"
