// libwebsockets 4.1.6. The inline functions stand for what Swift cannot import: a macro with a cast
// and a variadic function.
#pragma once
#include <libwebsockets.h>

/// Bytes that lws_write needs free before a payload.
static const int lwsx_pre = LWS_PRE;

static inline void lwsx_log(int level, const char *line) { _lws_log(level, "%s\n", line); }
