// Three decoders with one face: bytes of a file in, rows of 8-bit RGB out.
//
// The caller has read the picture's size from the header, has checked it against its limits and
// owns the pixels; a decoder refuses a file whose library reports another size. No decoder
// allocates memory in proportion to anything but that size. setjmp and longjmp never leave these
// functions.
#ifndef CIMAGECODECS_H
#define CIMAGECODECS_H

#include <stddef.h>
#include <stdint.h>

enum image_codec_status {
  IMAGE_CODEC_OK = 0,
  IMAGE_CODEC_TRUNCATED = 1,
  IMAGE_CODEC_CORRUPT = 2,
  IMAGE_CODEC_UNSUPPORTED = 3,
  IMAGE_CODEC_NO_MEMORY = 4,
};

// A file's bytes, and the RGB pixels to fill: `height` rows of `width` × 3 bytes, `stride` apart.
typedef struct {
  const uint8_t *bytes;
  size_t count;
  uint8_t *rgb;
  uint32_t width;
  uint32_t height;
  size_t stride;
} image_codec_request;

// What went wrong, in the library's own words. Always ends with a zero byte.
typedef struct {
  char text[256];
} image_codec_message;

// JPEG: grey, YCbCr, RGB, CMYK and YCCK. Any warning of damaged data is a failure.
enum image_codec_status image_codec_decode_jpeg(
    const image_codec_request *request, image_codec_message *message);

// PNG of every colour type and depth. Every checksum is checked.
enum image_codec_status image_codec_decode_png(
    const image_codec_request *request, image_codec_message *message);

// WebP, lossy or lossless: a whole file that is not animated, or the chunks of one frame.
enum image_codec_status image_codec_decode_webp(
    const image_codec_request *request, image_codec_message *message);

#endif
