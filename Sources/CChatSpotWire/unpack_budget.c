#include "unpack_budget.h"

#include <stdint.h>
#include <stdlib.h>

/* Stands before every allocation; aligned so that what follows suits any type. */
typedef struct {
  _Alignas(max_align_t) size_t bytes;
} Header;

static void *budget_alloc(void *data, size_t bytes) {
  ChatSpotUnpackBudget *budget = data;
  if (bytes > SIZE_MAX - sizeof(Header) || bytes + sizeof(Header) > budget->bytes_left) {
    budget->exceeded = true;
    return NULL;
  }
  Header *header = malloc(sizeof(Header) + bytes);
  if (header == NULL) {
    budget->exceeded = true;
    return NULL;
  }
  header->bytes = bytes;
  budget->bytes_left -= sizeof(Header) + bytes;
  budget->bytes_asked += sizeof(Header) + bytes;
  budget->allocations_live += 1;
  return header + 1;
}

static void budget_free(void *data, void *pointer) {
  ChatSpotUnpackBudget *budget = data;
  if (pointer == NULL) return;
  budget->allocations_live -= 1;
  free((Header *)pointer - 1);
}

void chatspot_unpack_budget_init(ChatSpotUnpackBudget *budget, size_t bytes_max) {
  *budget = (ChatSpotUnpackBudget){
      .allocator = {.alloc = budget_alloc, .free = budget_free, .allocator_data = budget},
      .bytes_left = bytes_max,
  };
}

size_t chatspot_unpacked_text_length(const char *text) {
  if (text == NULL || text == protobuf_c_empty_string) return 0;
  return ((const Header *)text - 1)->bytes - 1;
}
