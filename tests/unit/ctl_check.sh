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
check 'plaintext that never is' 8 'draft.conf:6: [directory/d] insecure_plaintext = yes: no uri is ldap://' -- 'whoever can listen' < <(draft 'uri = ldapi://%2Frun%2Fldapi' 'preset = posix' 'insecure_plaintext = yes')
check 'a copy that is too old' 0 'replica_max_age is shorter than refresh' < <(draft 'uri = ldap://127.0.0.1' 'preset = posix' 'refresh = 2d')
# The command reads the secret as root alone does; as anybody else it cannot tell.
if ((EUID == 0)); then
        umask 077
        secret() { printf "$1" > "$folder/secret"; draft 'uri = ldap://127.0.0.1' 'preset = posix' 'bind_dn = cn=r' "bind_password_file = $folder/secret"; }
        warns="draft.conf:7: bind_password_file: $folder/secret: it"
        check 'a secret' 0 -- 'warning' < <(secret 'hunter2\n')
        check 'a secret of nothing' 0 "$warns is empty" < <(secret '\n')
        check 'a secret of two lines' 0 "$warns must hold one line" -- hunter2 < <(secret 'hunter2\nx\n')
        check 'a secret that is too long' 0 "$warns is too long" < <(secret "$(printf 'x%.0s' {1..1025})\n")
        chmod 711 "$folder"
        (umask 022; echo nothing > "$folder/ca")
        check 'no certificate' 0 "draft.conf:6: tls_ca_file: $folder/ca holds no certificate" < <(draft 'uri = ldaps://a' 'preset = posix' "tls_ca_file = $folder/ca")
        check 'no certificate, and none is needed' 0 -- 'holds no certificate' < <(draft 'uri = ldap://127.0.0.1' 'preset = posix' "tls_ca_file = $folder/ca")
        (umask 022; echo '-----BEGIN CERTIFICATE-----' > "$folder/ca")
        check 'a certificate' 0 -- 'holds no certificate' < <(draft 'uri = ldaps://a' 'preset = posix' "tls_ca_file = $folder/ca")
fi
check 'longer than PAM waits' 0 'draft.conf:2: login_deadline: a login through PAM waits 10 seconds' < <(printf '[service]\nlogin_deadline = 11s\n'; draft 'uri = ldap://127.0.0.1' 'preset = posix')
check 'as long as PAM waits' 0 -- warning < <(printf '[service]\nlogin_deadline = 10s\n'; draft 'uri = ldap://127.0.0.1' 'preset = posix')
check 'all errors' 8 \
        'draft.conf:4: [directory/d] uri' 'draft.conf:5: [directory/d] bind_dn' 'draft.conf:6: [directory/d] bind_password_file: /nonexistent/secret: No such file' < <(draft 'uri = ldap://192.0.2.1' 'bind_dn = x' 'bind_password_file = /nonexistent/secret')
((failed == 0)) && echo ok
exit $failed
