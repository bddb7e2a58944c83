# Completion of exec-server for fish 3.0 and newer.

function __exec_server_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l current (commandline -ct)
    set -l lines (command exec-server __complete -- $words "$current" 2>/dev/null)
    set -l kind $lines[1]
    set -e lines[1]
    if set -q lines[1]
        printf '%s\n' $lines
    end

    set -l option (string match -r '^--[^=]*=' -- $current)
    set -l value (string replace -r '^--[^=]*=' '' -- $current)
    switch "$kind"
        case files
            for path in (__fish_complete_path "$value")
                printf '%s%s\n' "$option" $path
            end
        case directories
            for path in (__fish_complete_directories "$value")
                printf '%s%s\n' "$option" $path
            end
        case 'command *'
            set -l first (math (string replace 'command ' '' $kind) + 1)
            set -l command
            if test $first -le (count $words)
                set command (string escape -- $words[$first..-1])
            end
            complete -C (string join ' ' -- $command "$current")
    end
end

complete -c exec-server -f -a '(__exec_server_complete)'
