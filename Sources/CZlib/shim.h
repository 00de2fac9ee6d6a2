// zlib: gzip tapes. The inline functions stand for the macros that carry zlib's version and sizes.
#pragma once
#include <zlib.h>

static inline int zlibx_inflate_init_gzip(z_stream *stream) {
  return inflateInit2(stream, 15 + 32);  // 32: detects gzip or zlib by the header
}

static inline int zlibx_deflate_init_gzip(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
