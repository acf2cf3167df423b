#!/bin/bash
# multidirctl check of a draft with LDAP directories: what it warns of, and that it names every error.
# ctl_check.sh MULTIDIRCTL
set -u
multidirctl=$1
failed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The draft is on standard input. check NAME EXIT TEXT…: its exit status, and texts that must be shown; after "--", texts that must not.
check() {
        local name=$1 wanted=$2 shown status no=
        shift 2
        cat > "$folder/draft.conf"
        shown=$("$multidirctl" check "$folder/draft.conf" 2>&1)
        status=$?
        [[ $status == "$wanted" ]] || { echo "$name: exit $status, wanted $wanted: $shown"; failed=1; }
        for text; do
                [[ $text == -- ]] && { no=1; continue; }
                if [[ $shown == *"$text"* ]]; then [[ -z $no ]]; else [[ -n $no ]]; fi || { echo "$name: \"$text\"${no:+ is} in: $shown"; failed=1; }
        done
}
# One LDAP directory with the lines given.
draft() { printf '%s\n' '[directory/d]' 'type = ldap' 'base = dc=x' "$@" '[application/host]' 'directories = d' '[application/host/d]' 'allow_all = yes'; }

check good 0 'is valid' -- 'warning' < <(draft 'uri = ldap://127.0.0.1' 'preset = openldap')
check 'no preset' 0 '[directory/d]: no preset: it is read as preset = generic says, user names from cn' < <(draft 'uri = ldap://127.0.0.1')
check plaintext 0 "draft.conf:6: insecure_plaintext = yes: whoever can listen" -- 'no preset' < <(draft 'uri = ldap://192.0.2.1' 'preset = posix' 'insecure_plaintext = yes')
check 'plaintext that never is' 0 -- 'whoever can listen' < <(draft 'uri = ldapi://%2Frun%2Fldapi' 'preset = posix' 'insecure_plaintext = yes')
check 'a copy that is too old' 0 'replica_max_age is shorter than refresh' < <(draft 'uri = ldap://127.0.0.1' 'preset = posix' 'refresh = 2d')
check 'all errors' 8 \
        'draft.conf:4: [directory/d] uri' 'draft.conf:5: [directory/d] bind_dn' 'draft.conf:6: [directory/d] bind_password_file: /nonexistent/secret: No such file' < <(draft 'uri = ldap://192.0.2.1' 'bind_dn = x' 'bind_password_file = /nonexistent/secret')
((failed == 0)) && echo ok
exit $failed
