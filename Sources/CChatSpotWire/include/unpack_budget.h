/*
 * An allocator for protobuf-c that refuses when one message asks for more memory than it may.
 *
 * protobuf-c allocates one C struct for every submessage, even an empty one of two bytes, so the size of a
 * message does not bound the memory that it takes to unpack.
 */
#ifndef CHATSPOT_UNPACK_BUDGET_H
#define CHATSPOT_UNPACK_BUDGET_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct ChatSpotUnpackBudget {
  /* Hand its address to protobuf-c. It points back at this struct, which must not move. */
  ProtobufCAllocator allocator;
  /* Bytes that may still be asked for. What is freed does not come back. */
  size_t bytes_left;
  /* Bytes asked for so far, the allocator's own headers included. */
  size_t bytes_asked;
  /* Allocations that are not freed yet. */
  size_t allocations_live;
  /* Whether a request was refused. */
  bool exceeded;
} ChatSpotUnpackBudget;

/* Makes `budget` ready to give out `bytes_max` bytes. */
void chatspot_unpack_budget_init(ChatSpotUnpackBudget *budget, size_t bytes_max);

/*
 * How many bytes the wire held for a string field that was unpacked with a budget. protobuf-c itself keeps
 * no length, so that a string with a zero byte inside would otherwise be cut off unseen. It allocates a
 * string's length plus one, which this allocator remembers. 0 for a field that was absent.
 */
size_t chatspot_unpacked_text_length(const char *text);

#endif
