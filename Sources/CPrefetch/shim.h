#pragma once

// Begins to bring the cache line at an address near, for reading and writing; never faults. A
// compiler builtin, which Swift cannot call itself.
static inline void prefetchx(const void *address) { __builtin_prefetch(address, 1, 3); }
