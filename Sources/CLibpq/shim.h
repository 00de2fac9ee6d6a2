// libpq 15: the protocol of PostgreSQL. Its headers lie in a folder of their own, hence the prefix.
#pragma once
#include <postgresql/libpq-fe.h>
