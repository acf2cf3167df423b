/* Replies of the supervisor's own; see requests/reply.h. */
#include "multidird/requests/reply.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/sbuf.h"
#include "wire/message.h"

void reply_object(struct connection *connection, int exit_status, json_t *object) {
        json_t *message = json_pack("{s:i, s:o}", "exit", exit_status, "object", object ? object : json_object());
        char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
        static const char broken[] = "{\"exit\": 6, \"object\": {\"error\": {\"reason\": \"unavailable\", \"text\": \"memory is out\"}}}";
        const char *sent = text ? text : broken;
        if (channel_send(connection_channel(connection), WIRE_ADMIN_REPLY, sent, strlen(sent)) < 0)
                log_error("a command's answer could not be sent");
        free(text);
        json_decref(message);
        connection_replied(connection);
}

void reply_error(struct connection *connection, int exit_status, enum reason reason, const char *text) {
        reply_object(connection, exit_status, json_pack("{s:{s:s, s:s%}}", "error", "reason", reason_name(reason), "text", text, strlen(text)));
}

void reply_missing(struct connection *connection, const char *reason, const char *text) {
        reply_object(connection, EXIT_NOT_FOUND, json_pack("{s:{s:s, s:s%}}", "error", "reason", reason, "text", text, strlen(text)));
}

void reply_no_directory(struct connection *connection, const char *name) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        sbuf_printf(&text, "no directory is named \"%s\"", name);
        reply_missing(connection, "directory-not-found", sbuf_text(&text));
}

void reply_usage(struct connection *connection, const char *text) {
        reply_object(connection, EXIT_USAGE, json_pack("{s:{s:s, s:s}}", "error", "reason", "usage", "text", text));
}
