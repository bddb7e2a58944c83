/**
 * The watchdog's program for a POSIX sh. It reads lines from stdin: `+ PGID` and `- PGID` for a process
 * group, `t /dev/pts/N SECONDS.NANOSECONDS` (when it was made) and `u /dev/pts/N` for a terminal, `d DIR/` for the directory
 * of named pipes, `x TENTHS` for how many tenths of a second the server may take to exit then. At the end of stdin it ends
 * the groups (SIGTERM, about a second, SIGKILL), kills who holds a file of the directory or one of the terminals, removes
 * the directory and exits. Lines that it doesn't understand do nothing.
 */
export const watchdogScript = `
trap '' HUP INT TERM QUIT
unset EXEC_SERVER_WATCHDOG
# argv[0] must stay: a busybox knows by it which program it is.
printf exec-watchdog >/proc/$$/comm

# The groups are a doubly linked list in variables, a circle through 0: next_PGID and prev_PGID. Adding and
# removing cost the same however many there are, and going through it needs no fork, which may be refused.
next_0=0 prev_0=0
# NUMBER:SECONDS.NANOSECONDS, with a space on either side.
terminals=' '
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
  is_number "$1" && is_number "\${2%.*}" && is_number "\${2#*.}" && terminals="$terminals$1:$2 "
}

remove_terminal() {
  case $terminals in
    *" $1:"*)
      after=\${terminals#*" $1:"}
      terminals="\${terminals%%" $1:"*} \${after#*" "}"
      ;;
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

# Forgets the groups that have ended, before their numbers can be anybody else's; fails when none is left.
forget_ended() {
  group=$next_0
  while [ "$group" != 0 ]; do
    eval "after=\\$next_$group"
    kill -0 "-$group" || remove_group "$group"
    group=$after
  done
  [ "$next_0" != 0 ]
}

pause() {
  sleep 0.1 && return
  # No fractions here: one pause is all.
  rounds=10
  sleep 1
}

has_files() {
  [ -n "$directory" ] || return
  set -- "$directory"*
  [ -e "$1" ]
}

# Fails when it finds nobody.
kill_holders() {
  killed=1
  set -f
  IFS='
'
  for line in $(set +f; cd /proc && ls -ln [0-9]*/fd); do
    case $line in
      [0-9]*/fd:) pid=\${line%/fd:}; continue ;;
      *" -> \${directory:-none}"*) ;;
      *" -> /dev/pts/"*) is_our_terminal || continue ;;
      *) continue ;;
    esac
    # An embedded server ends while the process that it is in lives on, and may still close its own ends.
    [ "$pid" -gt 1 ] && [ "$pid" != $$ ] && [ "$pid" != "$PPID" ] && kill -KILL "$pid" && killed=0
  done
  unset IFS
  set +f
  return $killed
}

# The number of a terminal is given to the next one as soon as nobody holds it: ours has the time of ours, be it that
# the server's end went with the server, or that a child has inherited it. A container's /dev/pts has the same names
# on another device.
is_our_terminal() {
  number=\${line##*/dev/pts/}
  number=\${number%%" "*}
  case $terminals in
    *" $number:"*) made=\${terminals#*" $number:"} made=\${made%%" "*} ;;
    *) return 1 ;;
  esac
  fd=\${line%%" -> "*}
  # DEVICE:SECONDS:DATE TIME.NANOSECONDS ZONE
  found=$(stat -Lc %d:%Z:%z "/proc/$pid/fd/\${fd##*" "}")
  seconds=\${found#*:} seconds=\${seconds%%:*}
  case $found in
    *.*) nanoseconds=\${found##*.} nanoseconds=\${nanoseconds%%" "*} ;;
    *) nanoseconds=000000000 ;;
  esac
  # Not every stat knows them.
  [ "$nanoseconds" != 000000000 ] || made=\${made%.*}.000000000
  [ "\${found%%:*}:$seconds.$nanoseconds" = "$(stat -Lc %d /dev/pts):$made" ]
}

# The start time of the server: a pid may be given to another process. The name of the program stands in parentheses
# before it, and a space more.
read_server_start() {
  read -r stat <"/proc/$PPID/stat" || return
  set -- \${stat##*")"}
  found_start=\${20}
}

# Waits for the server to exit, for so many tenths of a second, and kills it then: a thread that is blocked in the system
# may keep it from exiting, and nothing but SIGKILL is sure to end it.
await_exit() {
  left=$1
  while [ "$left" -gt 0 ]; do
    left=$((left - 1))
    sleep 0.1 || sleep 1
    read_server_start && [ "$found_start" = "$server_start" ] || return
  done
  kill -KILL "$PPID"
}

exits_within=
read_server_start && server_start=$found_start

# A last line without its end is not obeyed: the number in it may be cut short.
while read -r word value; do
  case $word in
    +) is_number "$value" && [ "$value" -gt 1 ] && add_group "$value" ;;
    -) is_number "$value" && remove_group "$value" ;;
    t) value=\${value#/dev/pts/} && add_terminal "\${value%%" "*}" "\${value#*" "}" ;;
    u) remove_terminal "\${value#/dev/pts/}" ;;
    x) is_number "$value" && exits_within=$value ;;
    d)
      case $value in
        /?*/) directory=$value ;;
      esac
      ;;
  esac
done

holders=yes
[ "$next_0$terminals" != '0 ' ] || has_files || holders=no

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

# A second look at least: a holder may have forked meanwhile, and the end of stdin may have come before the
# end of the server's terminals.
rounds=0
while [ $holders = yes ] && { kill_holders || [ "$rounds" = 0 ]; } && [ "$rounds" -lt 10 ]; do
  rounds=$((rounds + 1))
  pause
done
[ -z "$directory" ] || rm -rf -- "$directory"
if [ -n "$exits_within" ] && [ -n "$server_start" ]; then await_exit "$exits_within" & fi
`;
