// libwebsockets 4.1.6. The inline functions stand for what Swift cannot import: a macro with a cast,
// a variadic function, and functions that glibc declares for _GNU_SOURCE only.
#pragma once
#include <libwebsockets.h>
#include <link.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
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

/// Bytes in a TCP socket that are unsent or not acknowledged (tcp(7), SIOCOUTQ); negative on an error.
static inline int lwsx_unacknowledged(int fd) {
  int count = 0;
  return ioctl(fd, SIOCOUTQ, &count) == 0 ? count : -1;
}

int dlinfo(void *, int, void *);

/// What the dynamic linker knows of a library (RTLD_DI_LINKMAP is 2). 0 when it went well.
static inline int lwsx_link_map(void *library, const struct link_map **map) {
  return dlinfo(library, 2, map);
}
