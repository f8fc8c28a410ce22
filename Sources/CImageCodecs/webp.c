// WebP through libwebp. Alpha is dropped, not composited.

#include <stdio.h>

#include <webp/decode.h>

#include "CImageCodecs.h"

static enum image_codec_status explain(VP8StatusCode code, image_codec_message *message) {
  const char *text = "the bitstream is damaged";
  enum image_codec_status status = IMAGE_CODEC_CORRUPT;
  switch (code) {
    case VP8_STATUS_OK:
      text = "";
      status = IMAGE_CODEC_OK;
      break;
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA:
      text = "the data ends before the picture does";
      status = IMAGE_CODEC_TRUNCATED;
      break;
    case VP8_STATUS_OUT_OF_MEMORY:
      text = "out of memory";
      status = IMAGE_CODEC_NO_MEMORY;
      break;
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      text = "the bitstream uses a feature that libwebp does not know";
      status = IMAGE_CODEC_UNSUPPORTED;
      break;
    default:
      break;
  }
  snprintf(message->text, sizeof message->text, "%s", text);
  return status;
}

enum image_codec_status image_codec_decode_webp(
    const image_codec_request *request, image_codec_message *message) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) return explain(VP8_STATUS_UNSUPPORTED_FEATURE, message);
  VP8StatusCode code = WebPGetFeatures(request->bytes, request->count, &config.input);
  if (code != VP8_STATUS_OK) return explain(code, message);
  if (config.input.has_animation || config.input.width != (int)request->width ||
      config.input.height != (int)request->height) {
    snprintf(message->text, sizeof message->text, "the file states two different sizes");
    return IMAGE_CODEC_CORRUPT;
  }
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = request->rgb;
  config.output.u.RGBA.stride = (int)request->stride;
  config.output.u.RGBA.size =
      request->stride * (request->height - 1) + (size_t)request->width * 3;
  code = WebPDecode(request->bytes, request->count, &config);
  WebPFreeDecBuffer(&config.output);
  return explain(code, message);
}
