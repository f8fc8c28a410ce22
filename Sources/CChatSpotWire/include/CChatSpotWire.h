/* All that Swift sees of the wire format in C: the generated messages and the budgeted allocator. */
#ifndef CHATSPOT_WIRE_H
#define CHATSPOT_WIRE_H

#include "chatspot/v1/envelope.pb-c.h"
#include "unpack_budget.h"

#endif
