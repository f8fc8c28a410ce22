// A C face of libsentencepiece (0.1.97 to 0.2.x): open a model, encode text, close.
// No C++ exception passes it.
#ifndef CHATSPOT_CSENTENCEPIECE_H
#define CHATSPOT_CSENTENCEPIECE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct chatspot_sentencepiece chatspot_sentencepiece;

// Opens a serialized sentencepiece.ModelProto, which is copied.
// Returns NULL on failure, with a NUL-terminated cause in message[0 ..< message_bytes].
chatspot_sentencepiece *chatspot_sentencepiece_open(const uint8_t *model, size_t model_bytes,
                                                    char *message, size_t message_bytes);

// Closes a model. NULL is allowed.
void chatspot_sentencepiece_close(chatspot_sentencepiece *model);

// Encodes UTF-8 text into ids[0 ..< capacity] and returns how many ids it wrote.
// Returns -1 if the library fails or the ids don't fit. Safe to call from several threads at once.
int64_t chatspot_sentencepiece_encode(const chatspot_sentencepiece *model, const uint8_t *text,
                                      size_t text_bytes, int32_t *ids, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
