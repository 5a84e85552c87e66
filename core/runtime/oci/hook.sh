# hook.sh DIR WORD: runc runs it with the state of a container on fd 0, and waits for its end.
# "mounted" when all is mounted and the container has not got its new root yet; "ready" before the program is started.
# Speaks for the container as launch.sh would; that passes on what the agent says.
set -u
cd "$1" || exit 1
read -r state
exec <ask >say || exit 1
if [ "$2" = mounted ]; then
  pid=${state#*\"pid\":}
  pid=${pid%%[!0-9]*}
  echo "$pid" >pid
  echo "pid $pid"
  wanted=root
else
  wanted=go
fi
echo "$2"
read -r line && [ "$line" = "$wanted" ]
