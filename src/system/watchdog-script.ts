/**
 * The watchdog's program for a POSIX sh. It reads lines from stdin: `+ PGID` and `- PGID` for a process group,
 * `t NUMBER DEVICE:INODE:SECONDS.NANOSECONDS` (when it was made) and `u` with the same for a terminal, `d DIR/` for the
 * directory of named pipes, `s TIME` for the start time of the server, `x TENTHS` for how many tenths of a second that may
 * take to exit. At the end of stdin it ends the groups (SIGTERM, about a second, SIGKILL), kills the processes that hold a
 * file of the directory or one of the terminals, removes the directory and exits. Lines that it doesn't understand do
 * nothing.
 *
 * It reads no text that others choose: names of files and programs may hold anything. Names only narrow the search down,
 * by a pattern that find compares; processes are known by their start times, files by device and inode.
 */
export const watchdogScript = `
trap '' HUP INT TERM QUIT
unset EXEC_SERVER_SCRIPT
# argv[0] must stay: a busybox knows by it which program it is.
printf exec-watchdog >/proc/$$/comm

# The groups are a doubly linked list in variables, a circle through 0: next_PGID and prev_PGID. Adding and
# removing cost the same however many there are, and going through it needs no fork, which may be refused.
next_0=0 prev_0=0
# As received: NUMBER DEVICE:INODE:SECONDS.NANOSECONDS, with a / before and after each.
terminals=/
server_start=0
directory=

add_group() {
  eval "[ -z \\"\\$next_$1\\" ]" || return
  next=$next_0
  eval "next_$1=$next prev_$1=0 prev_$next=$1 next_0=$1"
}

remove_group() {
  eval "next=\\$next_$1 prev=\\$prev_$1"
  [ -n "$next" ] || return
  eval "next_$prev=$next prev_$next=$prev"
  unset "next_$1" "prev_$1"
}

add_terminal() {
  case $1 in
    *[!0-9:.' ']*) ;;
    *" "*) terminals="$terminals$1/" ;;
  esac
}

remove_terminal() {
  case $terminals in
    */"$1"/*) terminals="\${terminals%%"/$1/"*}/\${terminals#*"/$1/"}" ;;
  esac
}

is_number() {
  case $1 in
    '' | *[!0-9]*) return 1 ;;
  esac
}

# This form of kill is the one that dash, bash and busybox all take.
signal_groups() {
  group=$next_0
  while [ "$group" != 0 ]; do
    kill "-$1" "-$group"
    eval "group=\\$next_$group"
  done
}

# Sets running to the numbers of the groups that have a member other than zombies, with a space on either side of each.
list_running() {
  running=' '
  set -f
  IFS='
'
  for line in $(set +f; cat /proc/[0-9]*/stat); do
    unset IFS
    # State, parent, group. A name may contain a line break: the fields are those after its last line.
    set -- \${line##*")"}
    case $1 in
      Z | X) ;;
      [A-Za-z]) running="$running$3 " ;;
    esac
  done
  unset IFS
  set +f
  [ "$running" != ' ' ] || running=unknown
}

runs() {
  [ -n "$running" ] || list_running
  case $running in
    unknown | *" $1 "*) ;;
    *) return 1 ;;
  esac
}

# Forgets the groups that have ended, before their numbers can be reused; fails if none is left.
forget_ended() {
  running=
  group=$next_0
  while [ "$group" != 0 ]; do
    eval "after=\\$next_$group"
    if ! kill -0 "-$group"; then
      remove_group "$group"
    elif ! runs "$group"; then
      # Zombies, which PID 1 of a container may not reap. A process may have been forked during the scan.
      kill -KILL "-$group"
      remove_group "$group"
    fi
    group=$after
  done
  [ "$next_0" != 0 ]
}

pause() {
  sleep 0.1 && return
  # This sleep has no fractions: one pause is enough.
  rounds=10
  sleep 1
}

has_files() {
  [ -n "$directory" ] || return
  set -- "$directory"*
  [ -e "$1" ]
}

# Sets start to the start time of a process. The name of the program precedes it in parentheses.
read_start() {
  start=
  set -- "$(cat "/proc/$1/stat")"
  set -- \${1##*")"}
  start=\${20}
}

# Prints the descriptors, as PID/fd/NUMBER, that may be ours by the names of their files.
list_candidates() {
  cd /proc || return
  # The name of the directory of pipes is unique; its parents do not matter.
  pipes=\${directory%/}
  set -- -lname "*/\${pipes##*/}/*"
  IFS=/
  for terminal in $terminals; do
    number=\${terminal%%" "*}
    [ -z "$number" ] || set -- "$@" -o -lname "/dev/pts/$number" -o -lname "/dev/pts/$number (deleted)"
  done
  unset IFS
  set +f
  if find / -maxdepth 0 -lname /; then
    find [0-9]*/fd -maxdepth 1 \\( "$@" \\)
  else
    # busybox find cannot compare the targets of links. This blocks on files of a dead file system.
    for file in [0-9]*/fd/*; do
      [ ! -p "$file" ] && { [ ! -c "$file" ] || [ "$terminals" = / ] || [ "$file" -ef /dev/null ]; } || echo "$file"
    done
  fi
}

# Succeeds if a descriptor leads to a file of the directory, whose name pins it, or to one of the terminals. The number of a
# terminal is reused as soon as no process holds it; the change time tells them apart.
is_ours() {
  # DEVICE:INODE:SECONDS:DATE TIME.NANOSECONDS ZONE
  found=$(stat -Lc %d:%i:%Z:%z "/proc/$1") || return
  time=\${found#*:*:} id=\${found%":$time"}
  case $files in
    *" $id "*) return ;;
  esac
  # Not every stat has nanoseconds.
  nanoseconds=*
  case $time in
    *.000000000" "*) ;;
    *.*) nanoseconds=\${time##*.} nanoseconds=\${nanoseconds%%" "*} ;;
  esac
  case $terminals in
    *" $id:\${time%%:*}."$nanoseconds/*) ;;
    *) return 1 ;;
  esac
}

# Fails if it finds none.
kill_holders() {
  killed=1
  # DEVICE:INODE of each file, with a space on either side.
  files=
  [ -z "$directory" ] || files=$(set +f; cd "$directory" && stat -c %d:%i -- *)
  set -f
  set -- $files
  files=" $* "
  skip=
  for candidate in $(list_candidates); do
    pid=\${candidate%%/*}
    # The process of an embedded server lives on, and may still have its ends open.
    [ "$pid" != "$skip" ] && [ "$pid" -gt 1 ] && [ "$pid" != $$ ] && [ "$pid" != "$PPID" ] || continue
    read_start "$pid"
    before=$start
    # A process older than the server is no descendant; it was given the descriptor (the ControlMaster of ssh).
    [ "\${before:-0}" -ge "$server_start" ] || { skip=$pid; continue; }
    is_ours "$candidate" || continue
    read_start "$pid"
    [ -n "$before" ] && [ "$start" = "$before" ] && kill -KILL "$pid" && killed=0 skip=$pid
  done
  set +f
  return $killed
}

# Waits some tenths of a second for the server to exit, then kills it: a thread that is blocked in the kernel may keep it
# from exiting.
await_exit() {
  left=$1
  while [ "$left" -gt 0 ]; do
    left=$((left - 1))
    sleep 0.1 || sleep 1
    read_start "$PPID"
    [ "$start" = "$server_start" ] || return
  done
  kill -KILL "$PPID"
}

exits_within=

# An incomplete last line is ignored: its number may be truncated.
while read -r word value; do
  case $word in
    +) is_number "$value" && [ "$value" -gt 1 ] && add_group "$value" ;;
    -) is_number "$value" && remove_group "$value" ;;
    s) is_number "$value" && server_start=$value ;;
    t) add_terminal "$value" ;;
    u) remove_terminal "$value" ;;
    x) is_number "$value" && exits_within=$value ;;
    d)
      case $value in
        /?*/) directory=$value ;;
      esac
      ;;
  esac
done

holders=yes
[ "$next_0$terminals" != 0/ ] || has_files || holders=no

# A shell that can't fork (the limit on tasks is reached) ends itself.
trap 'signal_groups KILL' EXIT
signal_groups TERM
# A stopped process acts on SIGTERM only when it runs again.
signal_groups CONT
rounds=0
while forget_ended && [ "$rounds" -lt 10 ]; do
  rounds=$((rounds + 1))
  pause
done
signal_groups KILL
trap - EXIT

# At least two scans: a holder may have forked, and stdin may have ended before the server's terminals were closed.
rounds=0
while [ $holders = yes ] && { kill_holders || [ "$rounds" = 0 ]; } && [ "$rounds" -lt 10 ]; do
  rounds=$((rounds + 1))
  pause
done
[ -z "$directory" ] || rm -rf -- "$directory"
if [ -n "$exits_within" ] && [ "$server_start" != 0 ]; then await_exit "$exits_within" & fi
`;
