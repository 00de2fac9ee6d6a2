// libwebsockets 4.1.6. The inline functions stand for what Swift cannot import: a macro with a cast,
// a variadic function, and a function that glibc declares for _GNU_SOURCE only.
#pragma once
#include <libwebsockets.h>
#include <sys/socket.h>

/// Bytes that lws_write needs free before a payload.
static const int lwsx_pre = LWS_PRE;

static inline void lwsx_log(int level, const char *line) { _lws_log(level, "%s\n", line); }

int accept4(int, struct sockaddr *, socklen_t *, int);

/// Accepts a connection that is non-blocking and closed on exec from its first moment.
static inline int lwsx_accept(int listener, struct sockaddr_storage *from) {
  socklen_t length = sizeof *from;
  return accept4(listener, (struct sockaddr *)from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
