// libcrypto: SHA-256, random bytes, constant-time comparison, and a look at files of certificates.
#pragma once
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
