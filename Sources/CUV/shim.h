// libuv 1.44: one event loop per thread. Swift imports the structs and functions as they are; the
// inline function stands for a variadic one.
#pragma once
#include <sys/epoll.h>  // for the load generator, which has no loop
#include <sys/prctl.h>
#include <uv.h>

/// Names the calling thread for ps, top and gdb; 15 bytes are kept.
static inline void uvx_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
