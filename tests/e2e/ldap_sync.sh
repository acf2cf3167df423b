#!/bin/bash
# What changes at an LDAP server, from outside: seen by getent within two seconds where the server tells (RFC 4533), at the next look where it is asked.
# Stopped, killed and restarted servers and workers in between: nothing is lost.
# Relies on: namespace.sh BUILD tests/e2e/ldap_sync.sh; ldap_world.sh.
# Must never: be run outside a namespace of its own.
[ -n "${MULTIDIR_IN_NAMESPACE:-}" ] || { echo "ldap_sync.sh: run it through namespace.sh" >&2; exit 2; }
# shellcheck source=tests/e2e/ldap_world.sh
. "$(dirname "${BASH_SOURCE[0]}")/ldap_world.sh"
world_start

# within MILLISECONDS COMMAND…: "in time", or how it was until then.
within() {
        local until=$(($(date +%s%N) / 1000000 + $1)); shift
        while :; do
                "$@" && { echo 'in time'; return; }
                [ $(($(date +%s%N) / 1000000)) -lt "$until" ] || { echo "not in time"; return; }
                sleep 0.02
        done
}
has() { getent passwd "$1" >/dev/null; }
has_not() { ! has "$1"; }
in_group() { [[ " $(groups_of "$1")" == *" $2 "* ]]; }
not_in_group() { ! in_group "$1" "$2"; }
kept() { state "$1" kept_by; }
is_kept() { [ "$(kept "$1")" = "$2" ]; }
# people LDIF: changes the server; person NAME: one to be added.
people() { server change people; }
person() { printf 'dn: uid=%s,ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: x\nuserPassword: %s-pw\n\n' "$1" "$1" "$1" "$1"; }
remove() { printf 'dn: uid=%s,ou=people,dc=example,dc=org\nchangetype: delete\n\n' "$1"; }
member() { printf 'dn: cn=%s,ou=groups,dc=example,dc=org\nchangetype: modify\n%s: uniqueMember\nuniqueMember: uid=%s,ou=people,dc=example,dc=org\n\n' "$1" "$2" "$3"; }

ck "each is kept as its server can" "$(kept people; kept posix; kept bis)" $'watch\nwatch\nwatch'
# shows DIRECTORY KEY…: of directory show
shows() { multidirctl --json directory show "$1" | python3 -c 'import json, sys; row = json.load(sys.stdin); print(*[row.get(k, "(missing)") for k in sys.argv[1:]])' "${@:2}"; }
same_row() {
        local keys=(name type state users groups error kept_by)
        [ "$(shows "$1" "${keys[@]}")" = "$(state "$1" "${keys[@]}")" ] && echo same || { shows "$1" "${keys[@]}"; state "$1" "${keys[@]}"; }
}
ck "directory show says it as status does" "$(same_row people; same_row staff)" $'same\nsame'
ck "... watched, or without a server" "$(shows people kept_by; shows staff kept_by full_age)" $'watch\nNone None'
ck "... and when everything, and anything, was read last" "$(shows people age full_age | awk '{ print ($1 <= $2 && $2 < 120) }')" 1
ck "... in words too" "$(multidirctl directory show people | grep -E '^(kept by|full age|age) ')" $'age*kept by*watch*full age*'
ck "directory list, too" "$(multidirctl --json directory list | python3 -c 'import json, sys; print(*[(row["name"], row["kept_by"], row["full_age"] is None) for row in json.load(sys.stdin)["directories"] if row["name"] in ("people", "staff")], sep="\n")' | sort)" \
        "('people', 'watch', False)"$'\n'"('staff', None, True)"
ck "... in words" "$(multidirctl directory list | awk '$1 == "people" { print; exit }')" '*ldap*[0-9] s*watch*'
multidirctl directory sync people --full >/dev/null
ck "... as it is now" "$(shows people full_age | awk '{ print ($1 < 5) }')" 1

# --- RFC 4533: within two seconds
person newt | people
ck "added" "$(within 2000 has newt)" 'in time'
member devs add newt | people
ck "made a member" "$(within 2000 in_group newt devs)" 'in time'
ck "... of what that is in" "$(groups_of newt)" '*devs*ops*'
member devs delete newt | people
ck "no member any more" "$(within 2000 not_in_group newt devs)" 'in time'
printf 'dn: uid=newt,ou=people,dc=example,dc=org\nchangetype: modify\nreplace: displayName\ndisplayName: Newt Newton\n' | people
named() { [ "$(getent passwd newt | cut -d: -f5)" = "$1" ]; }
ck "modified" "$(within 2000 named 'Newt Newton')" 'in time'
uid=$(uid_of newt)
printf 'dn: uid=newt,ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: uid=triton\ndeleteoldrdn: 1\n' | people
ck "renamed" "$(within 2000 has triton; getent passwd newt; uid_of triton)" "in time"$'\n'"$uid"
ck "renamed, and logs in" "$(explain triton newt-pw second)" 'allow ok people'
member login add later | people
person later | people
# Whether the server has that value still is not told: everything is read for it.
ck "a member before it was there: is there" "$(within 2000 has later)" 'in time'
ck "... and, once everything was read, a member" "$(within 40000 in_group later login)" 'in time'
person then | people
ck "a member after it was there" "$(within 2000 has then; member login add then | people; within 2000 in_group then login)" $'in time\nin time'
{ member login delete then; remove then; } | people
ck "L4: ... opens the gate" "$(explain later later-pw)" 'allow ok people'
{ member login delete later; remove later; } | people
ck "deleted" "$(within 2000 has_not later)" 'in time'
printf 'dn: cn=fresh,ou=groups,dc=example,dc=org\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: fresh\nuniqueMember: uid=triton,ou=people,dc=example,dc=org\n\n' | people
ck "a new group" "$(within 2000 in_group triton fresh)" 'in time'
printf 'dn: cn=fresh,ou=groups,dc=example,dc=org\nchangetype: delete\n\n' | people
ck "a group that is gone" "$(within 2000 not_in_group triton fresh)" 'in time'
printf 'dn: cn=team,ou=groups,dc=example,dc=org\nchangetype: modify\nadd: memberUid\nmemberUid: sly2\n' | server change posix
{ for i in $(seq 200); do person "bulk$i"; done; } | people
ck "two hundred at once" "$(within 4000 has bulk200; getent passwd bulk1 bulk77 | wc -l)" $'in time\n2'
{ for i in $(seq 200); do remove "bulk$i"; done; } | people
ck "... are gone, though that is most of them: each run was small, but the sum is looked at, too" "$(within 8000 has_not bulk200)" '*in time'
ck "nothing failed" "$(state people state error)" '*'
world_end
