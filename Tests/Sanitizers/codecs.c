// Pictures and damaged pictures through the shims of the codec libraries, into memory of exactly their size.
// AddressSanitizer and UndefinedBehaviorSanitizer watch.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CImageCodecs.h"

typedef enum image_codec_status decoder(const image_codec_request *, image_codec_message *);

static uint64_t state = 88172645463325252u;

static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/// Decodes `count` bytes as a picture of the given size; the bytes lie where no further ones do.
static void decode(decoder *kind, const uint8_t *bytes, size_t count, uint32_t width, uint32_t height) {
  uint8_t *own = malloc(count ? count : 1);
  uint8_t *rgb = malloc((size_t)width * height * 3);
  if (!own || !rgb) abort();
  memcpy(own, bytes, count);
  image_codec_request request = {own, count, rgb, width, height, (size_t)width * 3};
  image_codec_message message;
  kind(&request, &message);
  free(own), free(rgb);
}

int main(int count, char **arguments) {
  decoder *kinds[] = {image_codec_decode_jpeg, image_codec_decode_png, image_codec_decode_webp};
  size_t runs = 0;
  for (int index = 1; index < count; index++) {
    FILE *file = fopen(arguments[index], "rb");
    if (!file) {
      perror(arguments[index]);
      return 1;
    }
    static uint8_t bytes[1 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    if (size < 16) continue;
    for (int round = 0; round < 60; round++) {
      static uint8_t damaged[1 << 20];
      memcpy(damaged, bytes, size);
      size_t length = round % 3 == 1 ? next() % size : size;
      for (int flips = round % 5; flips > 0 && length > 0; flips--) damaged[next() % length] ^= 1 << next() % 8;
      uint32_t width = 1 + next() % 80, height = 1 + next() % 80;
      for (int kind = 0; kind < 3; kind++) decode(kinds[kind], damaged, length, width, height);
      runs += 3;
    }
  }
  printf("codecs: %zu pictures, whole and damaged\n", runs);
  return runs == 0;
}
