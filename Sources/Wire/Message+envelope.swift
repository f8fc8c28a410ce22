internal import CChatSpotWire

extension Message {
  /// What the envelope carries.
  var body: any WireMessage {
    switch self {
    case .hello(let body): body
    case .welcome(let body): body
    case .assignment(let body): body
    case .ready(let body): body
    case .heartbeat(let body): body
    case .goodbye(let body): body
    case .error(let body): body
    case .encodeImage(let body): body
    case .imageFeatures(let body): body
    case .featuresReady(let body): body
    case .releaseFeatures(let body): body
    case .step(let body): body
    case .tokens(let body): body
    case .referringQuery(let body): body
    case .cancelQuery(let body): body
    case .answerText(let body): body
    case .answer(let body): body
    case .drain(let body): body
    case .drained(let body): body
    case .settled(let body): body
    case .manifestRequest(let body): body
    case .manifest(let body): body
    case .tensorRequest(let body): body
    case .tensorChunk(let body): body
    case .kvRequest(let body): body
    case .kvContents(let body): body
    }
  }

  /// Reads the body of an unpacked envelope. Throws `WireFault` where it has none that is known.
  init(reading c: Chatspot__V1__Envelope) throws(WireFault) {
    let read = FieldReader("Envelope")
    switch c.body_case {
    case CHATSPOT__V1__ENVELOPE__BODY_HELLO:
      self = .hello(try read.required(c.hello, "hello"))
    case CHATSPOT__V1__ENVELOPE__BODY_WELCOME:
      self = .welcome(try read.required(c.welcome, "welcome"))
    case CHATSPOT__V1__ENVELOPE__BODY_ASSIGNMENT:
      self = .assignment(try read.required(c.assignment, "assignment"))
    case CHATSPOT__V1__ENVELOPE__BODY_READY:
      self = .ready(try read.required(c.ready, "ready"))
    case CHATSPOT__V1__ENVELOPE__BODY_HEARTBEAT:
      self = .heartbeat(try read.required(c.heartbeat, "heartbeat"))
    case CHATSPOT__V1__ENVELOPE__BODY_GOODBYE:
      self = .goodbye(try read.required(c.goodbye, "goodbye"))
    case CHATSPOT__V1__ENVELOPE__BODY_ERROR:
      self = .error(try read.required(c.error, "error"))
    case CHATSPOT__V1__ENVELOPE__BODY_ENCODE_IMAGE:
      self = .encodeImage(try read.required(c.encode_image, "encode_image"))
    case CHATSPOT__V1__ENVELOPE__BODY_IMAGE_FEATURES:
      self = .imageFeatures(try read.required(c.image_features, "image_features"))
    case CHATSPOT__V1__ENVELOPE__BODY_FEATURES_READY:
      self = .featuresReady(try read.required(c.features_ready, "features_ready"))
    case CHATSPOT__V1__ENVELOPE__BODY_RELEASE_FEATURES:
      self = .releaseFeatures(try read.required(c.release_features, "release_features"))
    case CHATSPOT__V1__ENVELOPE__BODY_STEP:
      self = .step(try read.required(c.step, "step"))
    case CHATSPOT__V1__ENVELOPE__BODY_TOKENS:
      self = .tokens(try read.required(c.tokens, "tokens"))
    case CHATSPOT__V1__ENVELOPE__BODY_REFERRING_QUERY:
      self = .referringQuery(try read.required(c.referring_query, "referring_query"))
    case CHATSPOT__V1__ENVELOPE__BODY_CANCEL_QUERY:
      self = .cancelQuery(try read.required(c.cancel_query, "cancel_query"))
    case CHATSPOT__V1__ENVELOPE__BODY_ANSWER_TEXT:
      self = .answerText(try read.required(c.answer_text, "answer_text"))
    case CHATSPOT__V1__ENVELOPE__BODY_ANSWER:
      self = .answer(try read.required(c.answer, "answer"))
    case CHATSPOT__V1__ENVELOPE__BODY_DRAIN:
      self = .drain(try read.required(c.drain, "drain"))
    case CHATSPOT__V1__ENVELOPE__BODY_DRAINED:
      self = .drained(try read.required(c.drained, "drained"))
    case CHATSPOT__V1__ENVELOPE__BODY_SETTLED:
      self = .settled(try read.required(c.settled, "settled"))
    case CHATSPOT__V1__ENVELOPE__BODY_MANIFEST_REQUEST:
      self = .manifestRequest(try read.required(c.manifest_request, "manifest_request"))
    case CHATSPOT__V1__ENVELOPE__BODY_MANIFEST:
      self = .manifest(try read.required(c.manifest, "manifest"))
    case CHATSPOT__V1__ENVELOPE__BODY_TENSOR_REQUEST:
      self = .tensorRequest(try read.required(c.tensor_request, "tensor_request"))
    case CHATSPOT__V1__ENVELOPE__BODY_TENSOR_CHUNK:
      self = .tensorChunk(try read.required(c.tensor_chunk, "tensor_chunk"))
    case CHATSPOT__V1__ENVELOPE__BODY_KV_REQUEST:
      self = .kvRequest(try read.required(c.kv_request, "kv_request"))
    case CHATSPOT__V1__ENVELOPE__BODY_KV_CONTENTS:
      self = .kvContents(try read.required(c.kv_contents, "kv_contents"))
    default:
      throw WireFault(
        .malformed, "Envelope carries no message that this version knows",
        remedy: "Run the same version of ChatSpot everywhere")
    }
  }

  /// Writes the body into an initialised envelope.
  func write(to c: UnsafeMutablePointer<Chatspot__V1__Envelope>, _ arena: PackArena) {
    switch self {
    case .hello(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_HELLO
      c.pointee.hello = arena.message(body)
    case .welcome(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_WELCOME
      c.pointee.welcome = arena.message(body)
    case .assignment(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_ASSIGNMENT
      c.pointee.assignment = arena.message(body)
    case .ready(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_READY
      c.pointee.ready = arena.message(body)
    case .heartbeat(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_HEARTBEAT
      c.pointee.heartbeat = arena.message(body)
    case .goodbye(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_GOODBYE
      c.pointee.goodbye = arena.message(body)
    case .error(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_ERROR
      c.pointee.error = arena.message(body)
    case .encodeImage(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_ENCODE_IMAGE
      c.pointee.encode_image = arena.message(body)
    case .imageFeatures(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_IMAGE_FEATURES
      c.pointee.image_features = arena.message(body)
    case .featuresReady(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_FEATURES_READY
      c.pointee.features_ready = arena.message(body)
    case .releaseFeatures(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_RELEASE_FEATURES
      c.pointee.release_features = arena.message(body)
    case .step(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_STEP
      c.pointee.step = arena.message(body)
    case .tokens(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_TOKENS
      c.pointee.tokens = arena.message(body)
    case .referringQuery(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_REFERRING_QUERY
      c.pointee.referring_query = arena.message(body)
    case .cancelQuery(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_CANCEL_QUERY
      c.pointee.cancel_query = arena.message(body)
    case .answerText(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_ANSWER_TEXT
      c.pointee.answer_text = arena.message(body)
    case .answer(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_ANSWER
      c.pointee.answer = arena.message(body)
    case .drain(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_DRAIN
      c.pointee.drain = arena.message(body)
    case .drained(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_DRAINED
      c.pointee.drained = arena.message(body)
    case .settled(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_SETTLED
      c.pointee.settled = arena.message(body)
    case .manifestRequest(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_MANIFEST_REQUEST
      c.pointee.manifest_request = arena.message(body)
    case .manifest(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_MANIFEST
      c.pointee.manifest = arena.message(body)
    case .tensorRequest(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_TENSOR_REQUEST
      c.pointee.tensor_request = arena.message(body)
    case .tensorChunk(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_TENSOR_CHUNK
      c.pointee.tensor_chunk = arena.message(body)
    case .kvRequest(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_KV_REQUEST
      c.pointee.kv_request = arena.message(body)
    case .kvContents(let body):
      c.pointee.body_case = CHATSPOT__V1__ENVELOPE__BODY_KV_CONTENTS
      c.pointee.kv_contents = arena.message(body)
    }
  }
}
