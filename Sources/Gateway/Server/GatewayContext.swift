/// What is known of a request besides itself.

internal import Hummingbird
internal import NIOCore

struct GatewayContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// The connection that it came on.
  let channel: any Channel
  /// Which of the keys it shows.
  var key: Int?

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }
}
