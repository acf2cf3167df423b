#!/bin/bash
# What is written about multidirctl agrees with its tables: completion, man pages, the example configuration.
# Relies on: bash; mandoc where it is installed. Usage: ctl_documents.sh MULTIDIRCTL TOP-OF-THE-SOURCES
set -u
multidirctl=$1 top=$2 failed=0
bad() { echo "not ok - $*"; failed=1; }

mapfile -t commands < <("$multidirctl" --help | sed -n 's/^  \([a-z-]*\( [a-z-]*\)\{0,1\}\).*/\1/p' | sed 's/ *$//; /^$/d')
((${#commands[@]} > 30)) || bad "only ${#commands[@]} commands in --help"

# shellcheck source=multidirctl/multidirctl.bash
complete() { :; }
. "$top/multidirctl/multidirctl.bash"
completed=$(tr ' ' '\n' <<<"$_multidirctl_commands" | tr '/' ' ' | sort)
wanted=$(printf '%s\n' "${commands[@]}" | sort)
[[ $completed == "$wanted" ]] || bad "completion and table differ: $(diff <(echo "$wanted") <(echo "$completed"))"

# What the completion offers, where bash-completion is installed; names come from the service, which does not run here.
if [[ -r /usr/share/bash-completion/bash_completion ]]; then
        multidirctl() { "$multidirctl" "$@"; }
        compopt() { :; }
        unset -f complete
        # shellcheck source=/dev/null
        . /usr/share/bash-completion/bash_completion
        offered() { # WANTED WORD…: what is offered for the last word, sorted
                local wanted=$1; shift
                COMP_WORDS=(multidirctl "$@") COMP_CWORD=$# COMP_LINE="multidirctl $*" COMPREPLY=()
                COMP_POINT=${#COMP_LINE}
                _multidirctl
                [[ ${COMPREPLY[*]} == "$wanted" ]] || bad "completion of $*: '${COMPREPLY[*]}', wanted '$wanted'"
        }
        set +u
        offered 'directory disable' di
        offered 'list set show' application ''
        offered 'remove rename' --json user r
        offered 'remove rename' --directory staff user r
        offered '--application --attribute' user add jsmith --a
        offered '--force --help --json' reload --
        offered 'add-group add-user' permission set staff add-
        offered 'off on' permission set staff add-user ''
        offered 'modify' explain update user m
        offered '' user add ''
        set -u
fi

page=$(sed 's/\\-/-/g' "$top/multidirctl/multidirctl.8")
for command in "${commands[@]}"; do
        grep -qE "Cm $command( |\$)" <<<"$page" || bad "multidirctl.8 does not have $command"
        while read -r option; do
                grep -qE "Fl ${option#-}( |\$)" <<<"$page" || bad "multidirctl.8 does not have $option of $command"
        done < <("$multidirctl" $command --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p')
done

# Every key is an error's valid choice where it is asked for by a wrong name.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf '[service]\nzzzzzz = 1\n[directory/d]\nzzzzzz = 1\n[application/host]\nzzzzzz = 1\n[application/host/d]\nzzzzzz = 1\n' > "$folder/conf"
keys=$("$multidirctl" check "$folder/conf" 2>&1 | sed -n 's/.*"zzzzzz"; valid: //p' | tr -d ',' | tr ' ' '\n' | sort -u)
[[ $(wc -l <<<"$keys") -gt 30 ]] || bad "keys of the configuration: $keys"
for key in $keys; do
        grep -qE "^\.It Sy (.* )?$key( |\$)" "$top/common/config/multidir.conf.5" || bad "multidir.conf.5 does not have $key"
done

"$multidirctl" check "$top/conf/multidir.conf" >/dev/null || bad "the example configuration has an error"
if command -v mandoc >/dev/null; then
        # Pages of this project that are not installed here, and an index that lags behind, are no faults of the page.
        lint=$(mandoc -Tlint "$top/multidirctl/multidirctl.8" "$top/common/config/multidir.conf.5" 2>&1 | grep -v 'referenced manual not found\|outdated mandoc.db')
        [[ -z $lint ]] || bad "mandoc -Tlint: $lint"
fi
((failed == 0)) && echo "ok"
exit $failed
