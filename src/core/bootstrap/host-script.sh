# Starts exec-server on a host. What the host lacks, the script requests from the client and reads from stdin.
#
# A POSIX sh script; nothing is fetched, nothing outside of one directory is written, and root is not needed.
# The client sends these variables in front:
#
#   es_mode     start, report (what is installed) or uninstall
#   es_nonce    marks the lines to the client
#   es_version  the server: VERSION-DIGEST
#
# Lines to the client, on stdout, begin with "exec-server-bootstrap NONCE ":
#
#   fact NAME VALUE   what was found on the host
#   need runtime      answer: a line "SIZE SHA256 PACKING NAME", and SIZE bytes: Node, packed by gzip or none
#   need server       answer: a line of JavaScript, the installer, and what it reads
#   ready             the server follows, on the same stdin and stdout
#   done              the end of a report or an uninstallation
#   failed KIND TEXT  the end
#
# Files: DIRECTORY is ${XDG_CACHE_HOME:-~/.cache}/exec-server or ${TMPDIR:-/tmp}/exec-server-UID.
#
#   DIRECTORY/VERSION-DIGEST-PLATFORM/  a server, complete and verified
#   DIRECTORY/runtimes/NAME/node        a Node that a client sent
#   DIRECTORY/runtime-PLATFORM          path of the Node that was found, and its file as ls prints it
#   DIRECTORY/used/                     files whose time is that of the last use
#   DIRECTORY/.new-HOST-PID-NONCE/      an installation that is not complete

# Start-up files may export functions of bash with these names, such as an ls with colors.
unset -f cat chmod grep gzip head id kill ln ls mkdir mv printf ps rm sleep tail tr uname 2>/dev/null

es_say() { printf 'exec-server-bootstrap %s %s\n' "$es_nonce" "$*"; }

# A message of several lines becomes one line.
es_fail() {
  set -f
  es_say failed $*
  exit 1
}

es_platform=$(uname -sm)
es_platform=${es_platform% *}-${es_platform#* }

# --- A server that is installed

# Sets es_node to the Node that an earlier start found, unless its file has changed.
es_known_runtime() {
  [ -r "$es_directory/runtime-$es_platform" ] || return
  { IFS= read -r es_node && IFS= read -r es_seen; } <"$es_directory/runtime-$es_platform" || return
  [ -x "$es_node" ] && [ "$es_seen" = "$(LC_ALL=C TZ=UTC0 ls -lnL "$es_node")" ]
}

es_start_if_installed() {
  # Nothing of another user is executed, as with HOME after su or sudo.
  [ "$es_mode" = start ] && [ -O "$1" ] || return
  es_directory=$1
  es_server=$1/$es_version-$es_platform/dist/exec-server.cjs
  [ -f "$es_server" ] && es_known_runtime || return
  { true >"$es_directory/used/$es_version-$es_platform"; } 2>/dev/null
  es_say ready
  exec "$es_node" "$es_server" --stdio
}

es_cache=
case $XDG_CACHE_HOME in
  /*) es_cache=$XDG_CACHE_HOME/exec-server ;;
  *) [ -z "$HOME" ] || es_cache=$HOME/.cache/exec-server ;;
esac
[ -z "$es_cache" ] || es_start_if_installed "$es_cache"

# True for a directory of this user, not a link to one, whose mode matches a pattern.
es_is_own_directory() {
  set -- "$2" $(LC_ALL=C ls -ldn "$1" 2>/dev/null)
  case $2 in
    d$1) [ "$4" = "$es_user" ] ;;
    *) false ;;
  esac
}

# True for a directory that only this user can enter. It may have inherited the set-group-ID bit.
es_is_private() { es_is_own_directory "$1" 'rwx--[-S]---*'; }

es_user=$(id -u)
es_temporary=${TMPDIR:-/tmp}/exec-server-$es_user
if es_is_private "$es_temporary"; then es_start_if_installed "$es_temporary"; fi

# --- Report and uninstallation

# Process ids of the servers of a directory. The path is read from stdin, so that grep does not find itself.
es_running() {
  if [ -r /proc/self/cmdline ]; then
    printf '%s/\n' "$1" | grep -lFf - /proc/[0-9]*/cmdline 2>/dev/null | tr -dc '0-9\n' | tr '\n' ' '
  else
    ps -axo pid=,command= | while read -r es_pid es_command; do
      case $es_command in *"$1"/*) printf '%s ' "$es_pid" ;; esac
    done
  fi
}

es_report() {
  es_say fact directory "$1"
  for es_installed in "$1"/[0-9]* "$1"/runtimes/*; do
    if [ -d "$es_installed" ]; then es_say fact installed "$es_installed"; fi
  done
  for es_memo in "$1"/runtime-*; do
    if [ -r "$es_memo" ] && IFS= read -r es_node <"$es_memo"; then es_say fact runtime "$es_node"; fi
  done
}

es_uninstall() {
  es_pids=$(es_running "$1")
  [ -z "$es_pids" ] || es_fail inUse "servers of $1 are running: ${es_pids% }"
  rm -rf "$1" && es_say fact removed "$1" || es_fail notWritten "cannot remove $1"
}

if [ "$es_mode" != start ]; then
  for es_candidate in "$es_cache" "$es_temporary"; do
    if [ -n "$es_candidate" ] && es_is_private "$es_candidate"; then "es_$es_mode" "$es_candidate"; fi
  done
  es_say done
  exit
fi

# --- A directory to install in

# True if files can be created and executed there. Sets es_why otherwise, and es_new to a directory for what is incomplete.
# The home directory is not created, and not used if it is that of another user, as after su or sudo.
es_prepare() {
  es_directory=$1
  es_new=$1/.new-$(uname -n)-$$-$es_nonce
  case ${HOME:+$1} in
    "$HOME"/*)
      es_why="$HOME is not a directory of this user"
      es_is_own_directory "$HOME/." '*' || return
      ;;
  esac
  es_why=$( { [ -d "$1" ] || mkdir -p "$1"; } 2>&1) || return
  es_why="$1 is not a directory of this user"
  es_is_own_directory "$1" '*' || return
  es_why=$( { chmod 700 "$1" && mkdir -p "$1/used" "$1/runtimes" "$es_new"; } 2>&1) || return
  es_why="other users can enter $1"
  es_is_private "$1" || return
  es_probe=$es_new/probe
  es_why=$(printf '#!/bin/sh\n' 2>&1 >"$es_probe" && chmod 700 "$es_probe" 2>&1 && "$es_probe" </dev/null 2>&1)
}

# --- A Node that is on the host

# Sets es_node to the file that a command runs, if it is a Node that runs the server. Shims run another file.
es_is_usable() {
  es_found=$(exec 2>/dev/null </dev/null; "$1" -p 'process.versions.node + " " + process.execPath') || return
  # As in system/supported-node.ts.
  case $es_found in
    20.19.* | 20.[2-9][0-9].* | 22.[3-9].* | 22.[1-9][0-9].* | 2[3-9].* | [3-9][0-9].*) es_node=${es_found#* } ;;
    *) return 1 ;;
  esac
}

# Version managers and package managers, the newest version first.
es_in_usual_places() {
  set --
  for es_place in \
    "$HOME"/.nvm/versions/node/*/bin/node "$NVM_DIR"/versions/node/*/bin/node \
    "$HOME"/.local/share/fnm/node-versions/*/installation/bin/node \
    "$HOME"/.fnm/node-versions/*/installation/bin/node \
    "$HOME"/.volta/tools/image/node/*/bin/node \
    "$HOME"/.asdf/installs/nodejs/*/bin/node \
    "$HOME"/.local/share/mise/installs/node/*/bin/node \
    /opt/homebrew/bin/node /usr/local/bin/node /home/linuxbrew/.linuxbrew/bin/node; do
    if [ -x "$es_place" ]; then set -- "$es_place" "$@"; fi
  done
  for es_place; do
    if es_is_usable "$es_place"; then return; fi
  done
  return 1
}

# Runs the account's shell as at a login, for 10 seconds at most. It is interactive: start-up files often return early
# otherwise.
es_in_login_shell() {
  [ -x "$SHELL" ] || return
  case $SHELL in
    *csh) es_flags=-ic ;;
    *) es_flags=-lic ;;
  esac
  es_answer=$es_new/answer
  # In a session of its own, it does not take over the terminal that this script may have.
  es_session=
  if command -v setsid >/dev/null; then es_session=setsid; fi
  EXEC_SERVER_RESOLVING_ENVIRONMENT=1 $es_session "$SHELL" "$es_flags" 'node -p process.execPath' </dev/null >"$es_answer" 2>/dev/null &
  es_shell=$!
  (
    trap 'kill "$es_sleep"; exit' TERM
    for es_signal in HUP KILL; do
      sleep 10 &
      es_sleep=$!
      wait "$es_sleep"
      kill -"$es_signal" ${es_session:+-}"$es_shell"
    done
  ) </dev/null >/dev/null 2>&1 &
  es_watch=$!
  wait "$es_shell"
  kill "$es_watch" 2>/dev/null
  es_found=$(grep '^/' "$es_answer" | tail -n 1)
  [ -n "$es_found" ] && es_is_usable "$es_found"
}

es_among_runtimes() {
  for es_place in "$es_directory"/runtimes/*/node; do
    if es_is_usable "$es_place"; then return; fi
  done
  return 1
}

es_find_runtime() {
  if es_is_usable node; then es_say fact found PATH
  elif es_in_usual_places; then es_say fact found 'usual places'
  elif es_in_login_shell; then es_say fact found 'login shell'
  elif es_among_runtimes; then es_say fact found installed
  else return 1
  fi
}

# --- A Node from the client

# Reports the C library: its version by getconf, or what its loader shows.
es_report_libc() {
  if es_libc=$(getconf GNU_LIBC_VERSION 2>/dev/null); then
    es_say fact libc "$es_libc"
    return
  fi
  for es_loader in /lib/ld-musl-* /lib*/ld-linux*.so.* /lib/*/ld-linux*.so.*; do
    [ -e "$es_loader" ] || continue
    case $es_loader in
      *musl*) es_say fact libc musl ;;
      *) es_say fact libc glibc ;;
    esac
    return
  done
}

# Reports what decides which files the client sends.
es_report_host() {
  es_say fact os "${es_platform%%-*}"
  es_say fact machine "${es_platform#*-}"
  es_report_libc
  if command -v gzip >/dev/null; then es_say fact unpacker gzip; fi
}

es_sha256() {
  if command -v sha256sum >/dev/null; then sha256sum
  elif command -v shasum >/dev/null; then shasum -a 256
  elif command -v openssl >/dev/null; then openssl dgst -sha256 -r
  else return 1
  fi
}

es_unpack() {
  case $1 in
    none) cat ;;
    *) "$1" -dc ;;
  esac
}

es_receive_runtime() {
  es_sha256 </dev/null >/dev/null || es_fail noDigest 'the host has no program that computes SHA-256: sha256sum, shasum or openssl'
  es_say need runtime
  IFS=' ' read -r es_size es_sum es_packing es_name || exit 1
  es_error=$( { head -c "$es_size" | es_unpack "$es_packing" >"$es_new/node"; } 2>&1) ||
    es_fail notWritten "cannot write $es_new/node: $es_error"
  es_received=$(es_sha256 <"$es_new/node")
  [ "${es_received%% *}" = "$es_sum" ] || es_fail damaged "received a runtime with SHA-256 ${es_received%% *}, expected $es_sum"
  chmod 700 "$es_new/node"
  es_is_usable "$es_new/node" ||
    es_fail doesNotRun "the Node that was sent does not run on this host: expected version 20.19, 22.3 or later," \
      "received: $("$es_new/node" --version </dev/null 2>&1)"
  es_node=$es_directory/runtimes/$es_name/node
  # Another client may be using the file, so it is never replaced.
  mkdir -p "${es_node%/node}" && { ln "$es_new/node" "$es_node" 2>/dev/null || [ -x "$es_node" ]; } ||
    mv "$es_new/node" "$es_node" || es_fail notWritten "cannot write $es_node"
  # ls prints the number of links.
  rm -f "$es_new/node"
}

# --- Installation

es_install() {
  trap 'rm -rf "$es_new"' EXIT
  trap 'exit 1' HUP INT TERM PIPE
  es_reasons=
  for es_candidate in "$es_cache" "$es_temporary"; do
    [ -n "$es_candidate" ] || continue
    if es_prepare "$es_candidate"; then es_reasons=; break; fi
    rm -rf "$es_new"
    es_reasons="$es_reasons; $es_candidate: $es_why"
  done
  [ -z "$es_reasons" ] || es_fail noDirectory "no directory to install in${es_reasons}"
  es_say fact directory "$es_directory"
  es_report_host

  es_find_runtime || es_receive_runtime
  es_memo=$es_directory/runtime-$es_platform
  { printf '%s\n' "$es_node" && LC_ALL=C TZ=UTC0 ls -lnL "$es_node"; } >"$es_new/memo" && mv -f "$es_new/memo" "$es_memo" ||
    es_fail notWritten "cannot write $es_memo"

  [ ! -f "$es_directory/$es_version-$es_platform/dist/exec-server.cjs" ] || return 0
  es_say need server
  IFS= read -r es_installer || exit 1
  "$es_node" -e "$es_installer" "$es_directory" "$es_version-$es_platform" "$es_nonce"
}

# In a subshell: the server keeps the umask of the account.
(es_new= && umask 077 && es_install) || exit 1
[ -z "$es_cache" ] || es_start_if_installed "$es_cache"
es_start_if_installed "$es_temporary"
es_fail lost 'the server was installed, and is gone'
