/* The insides of outages: what the states (outage.c) and one try of a server (outage_probe.c) share.
 * Relies on: multidird/supervisor/outage.
 * Must never: be included elsewhere. */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "multidird/channel/endpoint.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/supervisor/outage.h"
#include "wire/message.h"

enum outage_verdict {
        OUTAGE_UNKNOWN = 0, /* the try itself failed */
        OUTAGE_SILENT,
        OUTAGE_ANSWERS,
};

/* One directory. */
struct outage {
        struct outage *next;
        struct service *service;
        char *name;
        bool kept;                    /* while outage_configure looks who is still there */
        bool down;
        bool unproven;                /* up by its answer to a try, and to nothing else yet */
        unsigned tries;               /* of this outage */
        uint64_t since_ms, since_s;
        char error[WIRE_TEXT_MAX + 1];
        sd_event_source *due;         /* the next try */
        struct {
                uint32_t limit_ms;
                pid_t pid;
                struct endpoint *endpoint;
                sd_event_source *child;
                sd_event_source *limit; /* NULL: no try is under way */
        } probe;
};

/* Begins a try; what comes of it, also if it cannot begin, is told by outage_probe_ended. */
void outage_probe_begin(struct outage *outage, uint32_t limit_ms);
/* Ends it without a word. Fine if there is none. */
void outage_probe_drop(struct outage *outage);
/* outage.c. */
void outage_probe_ended(struct outage *outage, enum outage_verdict verdict, const char *text);
