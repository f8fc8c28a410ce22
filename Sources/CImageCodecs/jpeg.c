// JPEG through libjpeg-turbo, with the choices of Pillow's decoder.

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "CImageCodecs.h"

// More scans than any encoder writes; otherwise a small file could ask for hours of work.
#define SCANS_MAX 256

// libjpeg hands back pointers to the first member, so these must stay first.
typedef struct {
  struct jpeg_error_mgr manager;
  jmp_buf escape;
  enum image_codec_status status;
  image_codec_message *message;
} failure_state;

static void fail(j_common_ptr common, enum image_codec_status status) {
  failure_state *state = (failure_state *)common->err;
  char text[JMSG_LENGTH_MAX];
  common->err->format_message(common, text);
  snprintf(state->message->text, sizeof state->message->text, "%s", text);
  state->status = status;
  longjmp(state->escape, 1);
}

static void fail_with_text(
    j_common_ptr common, enum image_codec_status status, const char *text) {
  failure_state *state = (failure_state *)common->err;
  snprintf(state->message->text, sizeof state->message->text, "%s", text);
  state->status = status;
  longjmp(state->escape, 1);
}

static void on_error(j_common_ptr common) {
  switch (common->err->msg_code) {
    case JERR_OUT_OF_MEMORY:
    case JERR_NO_BACKING_STORE:
      fail(common, IMAGE_CODEC_NO_MEMORY);
      break;
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_ARITH_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
      fail(common, IMAGE_CODEC_UNSUPPORTED);
      break;
    default:
      fail(common, IMAGE_CODEC_CORRUPT);
  }
}

// Levels of 0 and above are traces. Of the warnings, these two say nothing about the pixels.
static void on_message(j_common_ptr common, int level) {
  if (level >= 0) return;
  int code = common->err->msg_code;
  if (code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM) return;
  fail(common, code == JWRN_JPEG_EOF ? IMAGE_CODEC_TRUNCATED : IMAGE_CODEC_CORRUPT);
}

static void on_output(j_common_ptr common) { (void)common; }

static void source_nothing(j_decompress_ptr info) { (void)info; }

static boolean source_exhausted(j_decompress_ptr info) {
  fail_with_text((j_common_ptr)info, IMAGE_CODEC_TRUNCATED, "data ends before the picture does");
  return FALSE;
}

static void source_skip(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  if ((size_t)count > info->src->bytes_in_buffer) source_exhausted(info);
  info->src->next_input_byte += count;
  info->src->bytes_in_buffer -= (size_t)count;
}

static void on_progress(j_common_ptr common) {
  if (((j_decompress_ptr)common)->input_scan_number > SCANS_MAX)
    fail_with_text(common, IMAGE_CODEC_UNSUPPORTED, "the picture has too many progressive scans");
}

// In place, from the last pixel to the first: three bytes a pixel never run over what is unread.
static void spread_grey(uint8_t *row, uint32_t width) {
  for (size_t x = width; x-- > 0;) {
    uint8_t grey = row[x];
    row[3 * x] = grey;
    row[3 * x + 1] = grey;
    row[3 * x + 2] = grey;
  }
}

// Pillow takes all four-channel JPEGs as inverted (Adobe's way), and multiplies with rounding.
static uint8_t ink_to_light(uint32_t ink_inverted, uint32_t black_inverted) {
  uint32_t product = (255 - ink_inverted) * black_inverted + 128;
  int light = (int)black_inverted - (int)(((product >> 8) + product) >> 8);
  return (uint8_t)(light < 0 ? 0 : light);
}

static void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, uint32_t width) {
  for (size_t x = 0; x < width; x++)
    for (size_t channel = 0; channel < 3; channel++)
      rgb[3 * x + channel] = ink_to_light(cmyk[4 * x + channel], cmyk[4 * x + 3]);
}

static void read_rows(j_decompress_ptr info, const image_codec_request *request) {
  JSAMPARRAY cmyk = NULL;
  if (info->out_color_space == JCS_CMYK)
    cmyk = info->mem->alloc_sarray((j_common_ptr)info, JPOOL_IMAGE, request->width * 4, 1);
  while (info->output_scanline < info->output_height) {
    uint8_t *row = request->rgb + request->stride * info->output_scanline;
    JSAMPROW target = cmyk ? cmyk[0] : row;
    if (jpeg_read_scanlines(info, &target, 1) != 1)
      fail_with_text((j_common_ptr)info, IMAGE_CODEC_CORRUPT, "a row of pixels could not be read");
    if (cmyk) cmyk_to_rgb(cmyk[0], row, request->width);
    if (info->out_color_space == JCS_GRAYSCALE) spread_grey(row, request->width);
  }
}

static void choose_colours(j_decompress_ptr info) {
  switch (info->num_components) {
    case 1: info->out_color_space = JCS_GRAYSCALE; break;
    case 3: info->out_color_space = JCS_RGB; break;
    case 4: info->out_color_space = JCS_CMYK; break;
    default:
      fail_with_text(
          (j_common_ptr)info, IMAGE_CODEC_UNSUPPORTED, "only 1, 3 or 4 components are known");
  }
}

enum image_codec_status image_codec_decode_jpeg(
    const image_codec_request *request, image_codec_message *message) {
  struct jpeg_decompress_struct info;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  failure_state failure;

  message->text[0] = 0;
  memset(&info, 0, sizeof info);
  memset(&progress, 0, sizeof progress);
  memset(&failure, 0, sizeof failure);
  failure.message = message;
  info.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = on_error;
  failure.manager.emit_message = on_message;
  failure.manager.output_message = on_output;
  if (setjmp(failure.escape)) {
    jpeg_destroy_decompress(&info);
    return failure.status;
  }

  jpeg_create_decompress(&info);
  progress.progress_monitor = on_progress;
  info.progress = &progress;
  source.next_input_byte = request->bytes;
  source.bytes_in_buffer = request->count;
  source.init_source = source_nothing;
  source.fill_input_buffer = source_exhausted;
  source.skip_input_data = source_skip;
  source.resync_to_restart = jpeg_resync_to_restart;
  source.term_source = source_nothing;
  info.src = &source;

  jpeg_read_header(&info, TRUE);
  if (info.image_width != request->width || info.image_height != request->height)
    fail_with_text((j_common_ptr)&info, IMAGE_CODEC_CORRUPT, "the file states two different sizes");
  choose_colours(&info);
  jpeg_start_decompress(&info);
  read_rows(&info, request);
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return IMAGE_CODEC_OK;
}
