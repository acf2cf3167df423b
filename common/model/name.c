/* Names and the other published texts; see name.h.
 * Relies on: base/text.
 * Must never: shorten a name. */
#include "model/name.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

/* N4: what Debian's base-passwd creates (passwd.master and group.master, older releases' gnats too), and the groups that open a host to whoever is
 * in them. Sorted by bytes: looked up by halving. */
static const char *const reserved[] = {
        "_apt", "adm", "admin", "audio", "backup", "bin", "cdrom", "daemon", "dialout", "dip", "disk", "docker", "fax", "floppy",
        "games", "gnats", "irc", "kmem", "kvm", "libvirt", "list", "lp", "lxd", "mail", "man", "netdev", "news", "nobody", "nogroup",
        "operator", "plugdev", "proxy", "root", "sasl", "shadow", "src", "ssl-cert", "staff", "sudo", "sync", "sys", "tape", "tty",
        "users", "utmp", "uucp", "video", "voice", "wheel", "www-data",
};

bool name_is_reserved(const char *name) {
        static const char prefix[] = "systemd-";
        size_t i = 0, low = 0, high = sizeof reserved / sizeof *reserved;
        while (i < sizeof prefix - 1 && text_fold_byte(name[i]) == prefix[i])
                i++;
        if (i == sizeof prefix - 1)
                return true;
        while (low < high) {
                size_t middle = (low + high) / 2;
                int order = text_compare_names(name, reserved[middle]);
                if (order == 0)
                        return true;
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return false;
}

/* What is wrong with a name, or NULL. */
static const char *name_fault(enum name_kind kind, const char *name, size_t len) {
        if (len == 0)
                return "the name is empty";
        if (len > NAME_LENGTH_MAX)
                return "the name is longer than 255 bytes";
        if (!text_is_utf8(name, len))
                return "the name is not valid UTF-8";
        if (text_has_control(name, len))
                return "the name has a control character";
        if (memchr(name, ':', len))
                return "the name has a ':'";
        if (kind == NAME_OF_USER && (memchr(name, '/', len) || memchr(name, ',', len)))
                return "the user name has a '/' or ','";
        if (name[0] == '-')
                return "the name starts with '-'";
        if (name[0] == ' ' || name[len - 1] == ' ')
                return "the name starts or ends with a blank";
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return "the name is '.' or '..'";
        if (strspn(name, "0123456789") == len)
                return "the name is all digits";
        return NULL;
}

enum reason name_check(enum name_kind kind, const char *name, const char **why) {
        /* strnlen: a hostile directory may offer megabytes as a name. */
        const char *fault = name_fault(kind, name, strnlen(name, NAME_LENGTH_MAX + 1));
        if (fault && why)
                *why = fault;
        return fault ? REASON_INVALID_NAME : REASON_OK;
}

void name_publish(enum name_case name_case, const char *name, char *out) {
        size_t len = strnlen(name, NAME_LENGTH_MAX);
        if (name_case == NAME_CASE_PRESERVE)
                memcpy(out, name, len);
        else
                text_fold(out, name, len);
        out[len] = 0;
}

/* Length of the UTF-8 sequence at text, 0 if there is none. */
static size_t sequence(const char *text, size_t left) {
        for (size_t n = 1; n <= 4 && n <= left; n++)
                if (text_is_utf8(text, n))
                        return n;
        return 0;
}

void gecos_publish(const char *display_name, char *out, size_t size) {
        size_t used = 0, left = strlen(display_name);
        for (const char *p = display_name; left > 0;) {
                size_t n = sequence(p, left), step = n > 0 ? n : 1;
                bool blank = n > 0 && (*p == ':' || text_has_control(p, n));
                size_t wide = blank || n == 0 ? 1 : n;
                if (used + wide >= size)
                        break;
                if (wide == 1)
                        out[used] = n == 0 ? '?' : blank ? ' ' : *p;
                else
                        memcpy(out + used, p, wide);
                used += wide;
                p += step;
                left -= step;
        }
        if (size > 0)
                out[used] = 0;
}

bool path_is_publishable(const char *path) {
        size_t len = strnlen(path, 4096);
        if (path[0] != '/' || len > 4095 || memchr(path, ':', len) || text_has_control(path, len) || !text_is_utf8(path, len))
                return false;
        for (const char *part = path; part; part = strchr(part + 1, '/'))
                if (strncmp(part, "/..", 3) == 0 && (part[3] == 0 || part[3] == '/'))
                        return false;
        return true;
}

bool ssh_key_is_publishable(const char *key, size_t len) {
        static const char *const types[] = { "ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-" };
        if (len == 0 || len > 16384 || !text_is_utf8(key, len) || text_has_control(key, len))
                return false;
        const char *blank = memchr(key, ' ', len);
        if (!blank || blank + 1 == key + len || blank[1] == ' ')
                return false;
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
                if (len > strlen(types[i]) && memcmp(key, types[i], strlen(types[i])) == 0)
                        return true;
        return false;
}

int path_expand(const char *template, const char *user, const char *directory, char *out, size_t size) {
        size_t used = 0;
        for (const char *p = template; *p; p++) {
                const char *piece = p;
                size_t len = 1;
                if (*p == '%') {
                        p++;
                        if (*p != '%' && *p != 'u' && *p != 'd')
                                return -EINVAL;
                        piece = *p == 'u' ? user : *p == 'd' ? directory : "%";
                        len = strlen(piece);
                }
                if (len >= size - used)
                        return -ENAMETOOLONG;
                memcpy(out + used, piece, len);
                used += len;
        }
        if (size == 0)
                return -ENAMETOOLONG;
        out[used] = 0;
        return 0;
}
