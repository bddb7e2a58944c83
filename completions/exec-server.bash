# Completion of exec-server for bash 3.2 and newer.

_exec_server() {
  # bash splits the line at each character of COMP_WORDBREAKS. Pieces without a blank between them are one word.
  local line=${COMP_LINE:0:COMP_POINT} words=() starts=() piece gap index=0
  while [[ $index -le $COMP_CWORD ]]; do
    gap=${line%%[![:space:]]*}
    line=${line#"$gap"}
    piece=${COMP_WORDS[index]}
    if [[ $index -eq $COMP_CWORD ]]; then piece=$line; fi
    line=${line#"$piece"}
    if [[ $index -gt 0 && -z $gap ]]; then
      words[${#words[@]} - 1]+=$piece
    else
      words[${#words[@]}]=$piece
      starts[${#starts[@]}]=$index
    fi
    index=$((index + 1))
  done

  # bash replaces what follows the last such character, and a `@` with it.
  local current=${words[${#words[@]} - 1]} kind='' value
  local kept=${current%"${current##*["$COMP_WORDBREAKS"]}"}
  kept=${kept%@}
  COMPREPLY=()
  while IFS=$'\t' read -r value _; do
    if [[ -z $kind ]]; then
      kind=$value
    elif [[ $value == "$current"* ]]; then
      COMPREPLY[${#COMPREPLY[@]}]=${value#"$kept"}
    fi
  done < <(command exec-server __complete -- "${words[@]:1}" 2>/dev/null)

  case $kind in
    files) compopt -o default 2>/dev/null || _exec_server_add -f "${current#"$kept"}" ;;
    directories) compopt -o dirnames 2>/dev/null || _exec_server_add -d "${current#"$kept"}" ;;
    'command '*) _exec_server_command $((${kind#command } + 1)) ;;
  esac
}

# Completes the command line that begins with the word of this index.
_exec_server_command() {
  if declare -F _comp_command_offset >/dev/null; then
    _comp_command_offset "${starts[$1]}"
  elif declare -F _command_offset >/dev/null; then
    _command_offset "${starts[$1]}"
  elif [[ $1 -eq $((${#words[@]} - 1)) ]]; then
    _exec_server_add -c "$current"
  else
    compopt -o default 2>/dev/null || _exec_server_add -f "$current"
  fi
}

_exec_server_add() {
  while IFS= read -r value; do
    COMPREPLY[${#COMPREPLY[@]}]=$value
  done < <(compgen "$1" -- "$2")
}

complete -F _exec_server exec-server
