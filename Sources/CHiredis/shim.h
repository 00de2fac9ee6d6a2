// hiredis 0.14: the connection and the RESP reader. Commands are formatted by RedisClient itself, so
// that the variadic redisCommand family, which Swift cannot import, is not needed.
#pragma once
#include <hiredis/hiredis.h>
#include <hiredis/sds.h>
