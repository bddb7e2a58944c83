import type { Readable } from 'node:stream';
import { spawnScript } from '../../../system/spawn-script.ts';
import type { ShellSession } from './end-session.ts';

/** Times for a session that this process no longer watches, in milliseconds. */
export type KeeperTimes = {
  /** Time for its processes to end by themselves. */
  readonly leftMs: number;
  /** Time between SIGHUP and SIGTERM after that, and again until SIGKILL. */
  readonly graceMs: number;
};

/**
 * Hands a session over to a small process that outlives this one: it reads the stdout of the session, so that no write
 * fails, waits until the session has ended or its time is over, and then ends it.
 *
 * @param stdout must not be read afterwards
 * @returns false if the process could not be started
 */
export const keepSession = (
  { leader, startTime = '' }: ShellSession,
  stdout: Readable,
  { leftMs, graceMs }: KeeperTimes,
): boolean => {
  try {
    const keeper = spawnScript({
      script: keeperScript,
      name: 'exec-server-login-keeper',
      args: [String(leader), startTime, tenths(leftMs), tenths(graceMs)],
      stdin: stdout.readableEnded ? 'ignore' : stdout,
    });
    keeper.on('error', () => {});
    keeper.unref();
    return keeper.pid !== undefined;
  } catch {
    return false;
  }
};

const tenths = (ms: number): string => String(Math.ceil(ms / 100));

/**
 * A script for a POSIX sh with the arguments LEADER START_TIME LEFT GRACE: the pid of the leader of a session, its start
 * time (empty where that is not known), and times in tenths of a second. Its stdin is the stdout of the session.
 */
const keeperScript = `
trap '' HUP INT TERM QUIT
unset EXEC_SERVER_SCRIPT
printf exec-keeper >/proc/$$/comm
leader=$1 start_time=$2 left=$3 grace=$4

# A command in the background has no stdin.
exec 3<&0
cat <&3 >/dev/null &

pause() {
  sleep 0.1 && return
  # This sleep has no fractions.
  left=$((left - 9))
  sleep 1
}

# Reads the line of a process; its name, which may have line breaks, precedes the fields in parentheses.
read_stat() {
  stat=
  while read -r line; do stat=$stat$line; done <"$1"
  stat=\${stat##*")"}
}

# Succeeds if the leader has ended and another process has its pid: the session is empty then.
is_reused() {
  [ -n "$start_time" ] || return
  read_stat "/proc/$leader/stat"
  set -- $stat
  [ -n "$1" ] && [ "\${20}" != "$start_time" ]
}

# Finds the groups of the session, except those of zombies; fails if there are none.
find_groups() {
  groups=
  if [ ! -r /proc/self/stat ]; then
    kill -0 "-$leader" && groups=$leader
    return
  fi
  is_reused && return 1
  for file in /proc/[0-9]*/stat; do
    read_stat "$file"
    # The first fields are the state, the parent, the group and the session.
    set -- $stat
    [ "$4" = "$leader" ] && [ "$1" != Z ] || continue
    case "$groups " in
      *" $3 "*) ;;
      *) groups="$groups $3" ;;
    esac
  done
  [ -n "$groups" ]
}

signal_groups() {
  for group in $groups; do kill "-$1" "-$group"; done
}

# Other groups of the session have the time of the first: to look for them takes long.
while [ "$left" -gt 0 ] && kill -0 "-$leader"; do
  left=$((left - 1))
  pause
done
for signal in HUP TERM; do
  left=$grace
  find_groups && signal_groups "$signal"
  # A stopped process acts on a signal only when it runs again.
  signal_groups CONT
  while find_groups && [ "$left" -gt 0 ]; do
    left=$((left - 1))
    pause
  done
done
rounds=0
while find_groups && [ "$rounds" -lt 10 ]; do
  rounds=$((rounds + 1))
  signal_groups KILL
  pause
done
# The reader and this process: a daemon may hold the stdout.
kill -KILL 0
`;
