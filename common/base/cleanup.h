/* What C lacks at the end of a scope: attributes that free a variable when it goes out of scope.
 * Relies on: the compiler's cleanup attribute (gcc, clang).
 * Must never: decide anything. Each module defines the cleanup function of its own type with DEFINE_CLEANUP. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))
#define DEFINE_CLEANUP(type, function) \
        static inline void function##p(type *p) { if (*p) function(*p); }

static inline void freep(void *p) { free(*(void **)p); }
static inline void closep(int *fd) { if (*fd >= 0) (void)close(*fd); }
DEFINE_CLEANUP(FILE *, fclose)

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
#define _cleanup_fclose_ _cleanup_(fclosep)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define _unused_ __attribute__((unused))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define _must_check_ __attribute__((warn_unused_result))

/* Hands the value over and leaves 0 (NULL) behind, so that the cleanup attribute has nothing to free. */
#define TAKE_PTR(p) ({ __typeof__(p) *_p = &(p); __typeof__(p) _v = *_p; *_p = NULL; _v; })
#define TAKE_FD(fd) ({ int *_f = &(fd); int _v = *_f; *_f = -1; _v; })
