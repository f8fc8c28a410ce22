// The C face of libsentencepiece. Every function catches everything that C++ may throw.
#include "CSentencePiece.h"

#include <sentencepiece_processor.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <string_view>
#include <vector>

struct chatspot_sentencepiece {
  sentencepiece::SentencePieceProcessor processor;
};

static void write_message(char *message, size_t message_bytes, const char *cause) noexcept {
  if (message != nullptr && message_bytes > 0) {
    std::snprintf(message, message_bytes, "%s", cause != nullptr ? cause : "unknown failure");
  }
}

extern "C" chatspot_sentencepiece *chatspot_sentencepiece_open(const uint8_t *model,
                                                               size_t model_bytes, char *message,
                                                               size_t message_bytes) {
  try {
    auto opened = std::make_unique<chatspot_sentencepiece>();
    const std::string_view serialized(reinterpret_cast<const char *>(model), model_bytes);
    const auto status = opened->processor.LoadFromSerializedProto(serialized);
    if (!status.ok()) {
      write_message(message, message_bytes, status.error_message());
      return nullptr;
    }
    return opened.release();
  } catch (const std::exception &error) {
    write_message(message, message_bytes, error.what());
  } catch (...) {
    write_message(message, message_bytes, nullptr);
  }
  return nullptr;
}

extern "C" void chatspot_sentencepiece_close(chatspot_sentencepiece *model) {
  try {
    delete model;
  } catch (...) {
  }
}

extern "C" int64_t chatspot_sentencepiece_encode(const chatspot_sentencepiece *model,
                                                 const uint8_t *text, size_t text_bytes,
                                                 int32_t *ids, size_t capacity) {
  if (text_bytes == 0) {
    return 0;
  }
  try {
    std::vector<int> encoded;
    const std::string_view view(reinterpret_cast<const char *>(text), text_bytes);
    const auto status = model->processor.Encode(view, &encoded);
    if (!status.ok() || encoded.size() > capacity) {
      return -1;
    }
    size_t written = 0;
    for (const int id : encoded) {
      ids[written++] = id;
    }
    return static_cast<int64_t>(written);
  } catch (...) {
    return -1;
  }
}
