# bash completion of multidirctl. Options come from the command's own help; tests compare the words below with its table.
_multidirctl_commands='check status reload enable disable
directory/list directory/show directory/test directory/sync application/list application/show application/set permission/list permission/set
user/list user/show user/add user/modify user/rename user/remove user/password user/activate user/deactivate user/import
group/list group/show group/add group/modify group/remove group/import member/add member/remove
explain/login explain/groups explain/group explain/update masked accept view/list view/diff view/rollback ssh-keys'
_multidirctl_permissions='add-user modify-user modify-user-attributes remove-user add-group modify-group modify-group-attributes remove-group'

# The names of one kind (user, group, directory, application), one per line; nothing when the service does not answer.
_multidirctl_names() {
        case $1 in
                user|group) multidirctl "$1" list 2>/dev/null ;;
                *) multidirctl "$1" list 2>/dev/null | awk 'NR > 1 { print $1 }' ;;
        esac
}

_multidirctl_argument() {
        local command=$1 index=$2
        case $command/$index in
                user/add/0|group/add/0) ;;
                user/import/0|group/import/0|check/0) compopt -o default ;;
                user/*/0|directory/test/1|explain/login/0|explain/groups/0|ssh-keys/0) _multidirctl_names user ;;
                group/*/0|member/*/0|explain/group/0) _multidirctl_names group ;;
                member/*/*) _multidirctl_names user ;;
                directory/*/0|permission/set/0) _multidirctl_names directory ;;
                application/show/0|application/set/0) _multidirctl_names application ;;
                permission/set/1) echo "$_multidirctl_permissions" ;;
                permission/set/2) echo on off ;;
                view/diff/*|view/rollback/0) multidirctl view list 2>/dev/null | awk 'NR > 1 { print $1 }' ;;
        esac
}

_multidirctl() {
        local cur prev words cword i word command='' index=0 first='' candidates
        _init_completion -n = || return
        case $prev in
                --application) mapfile -t COMPREPLY < <(compgen -W "$(_multidirctl_names application)" -- "$cur"); return ;;
                --directory) mapfile -t COMPREPLY < <(compgen -W "$(_multidirctl_names directory)" -- "$cur"); return ;;
                --shell) mapfile -t COMPREPLY < <(compgen -W "$(grep -s '^/' /etc/shells)" -- "$cur"); return ;;
                --service) mapfile -t COMPREPLY < <(compgen -W "$(cd /etc/pam.d 2>/dev/null && ls)" -- "$cur"); return ;;
                --ssh-keys) _filedir; return ;;
                --display-name|--email|--uid|--gid|--home|--attribute|--description) return ;;
        esac
        for ((i = 1; i < cword; i++)); do
                word=${words[i]}
                case $word in
                        --application|--directory|--shell|--service|--ssh-keys|--display-name|--email|--uid|--gid|--home|--attribute|--description) ((i++)) ;;
                        -*) ;;
                        *)
                                if [[ -n $command ]]; then
                                        ((index++))
                                elif [[ " ${_multidirctl_commands//$'\n'/ } " == *" ${first:+$first/}$word "* ]]; then
                                        command=${first:+$first/}$word
                                        # What is explained is itself a command.
                                        [[ $command == explain/update ]] && { command='' first=''; }
                                else
                                        first=$word
                                fi ;;
                esac
        done
        if [[ $cur == -* ]]; then
                # shellcheck disable=SC2086
                candidates="--json --help $(multidirctl ${command//\// } --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p')"
                [[ -n $command ]] || candidates='--json --application --directory --help --version'
        elif [[ -n $command ]]; then
                candidates=$(_multidirctl_argument "$command" "$index")
        else
                candidates=$(for word in $_multidirctl_commands; do
                        if [[ -z $first ]]; then echo "${word%%/*}"; elif [[ $word == "$first"/* ]]; then echo "${word#*/}"; fi
                done)
        fi
        mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$cur" | sort -u)
}
complete -F _multidirctl multidirctl
