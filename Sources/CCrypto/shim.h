// libcrypto: SHA-256, random bytes, constant-time comparison, and files of certificates and keys; libssl,
// which libwebsockets uses, for what a server's TLS is to be. The inline functions stand for macros.
#pragma once
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

static const uint64_t cryptox_no_renegotiation = SSL_OP_NO_RENEGOTIATION;

static inline int cryptox_set_min_version(SSL_CTX *context, int version) {
  return SSL_CTX_set_min_proto_version(context, version) == 1;
}

static inline int cryptox_set_groups(SSL_CTX *context, const char *list) {
  return SSL_CTX_set1_groups_list(context, list) == 1;
}

static inline void cryptox_keep_no_sessions(SSL_CTX *context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline int cryptox_set_max_version(SSL_CTX *context, int version) {
  return SSL_CTX_set_max_proto_version(context, version) == 1;
}

static inline int cryptox_set_host_name(SSL *session, const char *name) {
  return SSL_set_tlsext_host_name(session, name) == 1;
}
