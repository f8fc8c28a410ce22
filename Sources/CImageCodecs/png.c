// PNG through libpng, with the pixels that Pillow's convert("RGB") gives.
//
// Rows arrive with at most three bytes a pixel (alpha and low bytes are dropped by libpng), so that
// they are read straight into the caller's RGB rows, interlaced or not, and widened there.

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "CImageCodecs.h"

typedef struct {
  const uint8_t *next;
  size_t left;
  enum image_codec_status status;
  image_codec_message *message;
} reading_state;

static void on_error(png_structp png, png_const_charp text) {
  reading_state *state = png_get_error_ptr(png);
  snprintf(state->message->text, sizeof state->message->text, "%s", text);
  if (strstr(text, "emory") != NULL) state->status = IMAGE_CODEC_NO_MEMORY;
  png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void on_read(png_structp png, png_bytep target, size_t count) {
  reading_state *state = png_get_io_ptr(png);
  if (count > state->left) {
    state->status = IMAGE_CODEC_TRUNCATED;
    png_error(png, "the data ends before the picture does");
  }
  memcpy(target, state->next, count);
  state->next += count;
  state->left -= count;
}

// How the bytes that libpng writes into a row become RGB.
enum row_layout { ROW_RGB, ROW_GREY, ROW_GREY_16, ROW_INDEXED };

static enum row_layout choose_layout(png_structp png, png_infop info) {
  int depth = png_get_bit_depth(png, info);
  switch (png_get_color_type(png, info)) {
    case PNG_COLOR_TYPE_PALETTE:
      png_set_packing(png);
      return ROW_INDEXED;
    case PNG_COLOR_TYPE_GRAY:
      if (depth == 16) return ROW_GREY_16;
      png_set_expand_gray_1_2_4_to_8(png);
      return ROW_GREY;
    case PNG_COLOR_TYPE_GRAY_ALPHA:
      png_set_strip_16(png);
      png_set_strip_alpha(png);
      return ROW_GREY;
    default:
      png_set_strip_16(png);
      png_set_strip_alpha(png);
      return ROW_RGB;
  }
}

static size_t bytes_per_pixel(enum row_layout layout) {
  return layout == ROW_RGB ? 3 : layout == ROW_GREY_16 ? 2 : 1;
}

// In place, from the last pixel to the first: three bytes a pixel never run over what is unread.
static void widen(
    uint8_t *row, uint32_t width, enum row_layout layout, const uint8_t palette[768]) {
  if (layout == ROW_RGB) return;
  for (size_t x = width; x-- > 0;) {
    const uint8_t *colour;
    uint8_t grey[3];
    if (layout == ROW_INDEXED) {
      colour = palette + 3 * (size_t)row[x];
    } else {
      // Pillow clips 16-bit grey to 255; it does not scale it.
      uint8_t value = layout == ROW_GREY ? row[x] : row[2 * x] ? 255 : row[2 * x + 1];
      memset(grey, value, 3);
      colour = grey;
    }
    memcpy(row + 3 * x, colour, 3);
  }
}

static void read_palette(png_structp png, png_infop info, uint8_t palette[768]) {
  png_colorp colours = NULL;
  int count = 0;
  memset(palette, 0, 768);  // an index beyond the palette is black
  if (!png_get_PLTE(png, info, &colours, &count)) return;
  for (int index = 0; index < count && index < 256; index++) {
    palette[3 * index] = colours[index].red;
    palette[3 * index + 1] = colours[index].green;
    palette[3 * index + 2] = colours[index].blue;
  }
}

static void read_picture(
    png_structp png, png_infop info, const image_codec_request *request, uint8_t palette[768]) {
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_set_user_limits(png, request->width, request->height);
  // Nothing but the pixels is wanted: text and profiles are stepped over, never inflated.
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_read_info(png, info);
  if (png_get_image_width(png, info) != request->width ||
      png_get_image_height(png, info) != request->height)
    png_error(png, "the file states two different sizes");

  enum row_layout layout = choose_layout(png, info);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (png_get_rowbytes(png, info) != bytes_per_pixel(layout) * request->width)
    png_error(png, "the rows have an unexpected length");
  if (layout == ROW_INDEXED) read_palette(png, info, palette);

  for (int pass = 0; pass < passes; pass++)
    for (uint32_t y = 0; y < request->height; y++)
      png_read_row(png, request->rgb + request->stride * y, NULL);
  png_read_end(png, NULL);
  for (uint32_t y = 0; y < request->height; y++)
    widen(request->rgb + request->stride * y, request->width, layout, palette);
}

enum image_codec_status image_codec_decode_png(
    const image_codec_request *request, image_codec_message *message) {
  reading_state state = {request->bytes, request->count, IMAGE_CODEC_CORRUPT, message};
  uint8_t palette[768];
  message->text[0] = 0;
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, on_error, on_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    png_destroy_read_struct(&png, NULL, NULL);
    return IMAGE_CODEC_NO_MEMORY;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    return state.status;
  }
  png_set_read_fn(png, &state, on_read);
  read_picture(png, info, request, palette);
  png_destroy_read_struct(&png, &info, NULL);
  return IMAGE_CODEC_OK;
}
