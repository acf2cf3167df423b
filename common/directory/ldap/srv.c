/* DNS SRV; see ldap/srv.h. */
#include "directory/ldap/srv.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ANSWER_MAX 16384
#define RDATA_MIN 7 /* priority, weight, port, a root name */

struct candidate { unsigned priority, weight; struct ldap_uri uri; };

/* "dc1.example.com" lies in "example.com". */
static bool is_inside(const char *host, const char *domain) {
        size_t host_len = strlen(host), len = strlen(domain);
        return host_len > len + 1 && host[host_len - len - 1] == '.' && strcasecmp(host + host_len - len, domain) == 0;
}

static int compare(const void *a, const void *b) {
        const struct candidate *x = a, *y = b;
        if (x->priority != y->priority)
                return x->priority < y->priority ? -1 : 1;
        return x->weight > y->weight ? -1 : x->weight < y->weight;
}

static bool take_record(ns_msg *message, const ns_rr *record, const struct ldap_uri *domain, struct candidate *candidate) {
        const unsigned char *data = ns_rr_rdata(*record);
        char host[NS_MAXDNAME], text[LDAP_URI_TEXT_MAX];
        struct ldap_uri parsed;
        const char *why;
        if (ns_rr_type(*record) != ns_t_srv || ns_rr_rdlen(*record) < RDATA_MIN ||
            dn_expand(ns_msg_base(*message), ns_msg_end(*message), data + 6, host, sizeof host) < 0)
                return false;
        uint16_t port = (uint16_t)ns_get16(data + 4);
        if (port == 0 || strlen(host) > LDAP_HOST_MAX || !is_inside(host, domain->host))
                return false;
        parsed = (struct ldap_uri){ .scheme = domain->scheme, .port = port };
        memcpy(parsed.host, host, strlen(host) + 1);
        /* It must be a host name, not only whatever DNS can hold. */
        ldap_uri_print(&parsed, text, sizeof text);
        if (ldap_uri_parse(text, &candidate->uri, &why) < 0)
                return false;
        candidate->priority = ns_get16(data);
        candidate->weight = ns_get16(data + 2);
        return true;
}

int srv_parse(const unsigned char *answer, size_t len, const struct ldap_uri *domain, struct ldap_uri uris[SRV_MAX], size_t *count) {
        struct candidate found[4 * SRV_MAX];
        const struct ldap_uri wanted = *domain;
        size_t used = 0;
        ns_msg message;
        ns_rr record;
        if (len > INT_MAX || ns_initparse(answer, (int)len, &message) < 0)
                return -EPROTO;
        for (int i = 0; i < ns_msg_count(message, ns_s_an) && used < 4 * SRV_MAX; i++) {
                if (ns_parserr(&message, ns_s_an, i, &record) < 0)
                        return -EPROTO;
                if (take_record(&message, &record, &wanted, &found[used]))
                        used++;
        }
        qsort(found, used, sizeof *found, compare);
        *count = used < SRV_MAX ? used : SRV_MAX;
        for (size_t i = 0; i < *count; i++)
                uris[i] = found[i].uri;
        return used > 0 ? 0 : -EHOSTUNREACH;
}

int srv_expand(const struct ldap_uri *domain, struct ldap_uri uris[SRV_MAX], size_t *count, struct sbuf *why) {
        unsigned char answer[ANSWER_MAX];
        char name[LDAP_HOST_MAX + 16];
        struct __res_state state = { 0 };
        const char *service = domain->scheme == LDAP_SCHEME_LDAPS ? "_ldaps" : "_ldap";
        (void)snprintf(name, sizeof name, "%s._tcp.%s", service, domain->host);
        if (res_ninit(&state) < 0)
                return -ENOMEM;
        state.retrans = 1;
        state.retry = 2;
        int len = res_nquery(&state, name, ns_c_in, ns_t_srv, answer, sizeof answer);
        res_nclose(&state);
        int r = len < 0 ? -EHOSTUNREACH : srv_parse(answer, (size_t)len < sizeof answer ? (size_t)len : sizeof answer, domain, uris, count);
        if (r < 0)
                sbuf_printf(why, "DNS lists no server inside the domain under %s", name);
        return r;
}
