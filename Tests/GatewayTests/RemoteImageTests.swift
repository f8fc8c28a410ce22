/// Fetching images for clients.

import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Requests
import Testing

@testable import Gateway

@Suite("remote images", .timeLimit(.minutes(5)))
struct RemoteImageTests {
  private static let path = FieldPath("image")

  /// A server of pictures, redirects and floods.
  private func serving(_ test: @escaping @Sendable (Int) async throws -> Void) async throws {
    let router = Router()
    let picture = try #require(Data(base64Encoded: Picture.onePixel))
    router.get("picture.png") { _, _ in ByteBuffer(bytes: picture) }
    router.get("redirect") { _, _ in Response.redirect(to: "/picture.png") }
    router.get("flood") { _, _ in
      Response(
        status: .ok,
        body: ResponseBody { writer in
          for _ in 0..<10_000 { try await writer.write(ByteBuffer(repeating: 0, count: 4096)) }
          try await writer.finish(nil)
        })
    }
    router.get("slow") { _, _ in
      try await Task.sleep(for: .seconds(2))
      return "late"
    }
    let application = Application(
      router: router,
      configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)))
    try await application.test(.live) { client in try await test(try #require(client.port)) }
  }

  private func reason(
    _ images: RemoteImages, _ url: String
  ) async -> String? {
    let error = await #expect(throws: APIError.self) { try await images.file(at: url, Self.path) }
    #expect(error?.param == "image" && error?.status == .badRequest)
    return error?.message
  }

  @Test("an allowed host's image is fetched; nothing is that redirects, floods or is late")
  func fetching() async throws {
    try await serving { port in
      var images = RemoteImages(
        hosts: ["localhost"], bytesMax: 100_000, timeout: .seconds(30)
      ) { _ in true }
      let file = try await images.file(at: "http://localhost:\(port)/picture.png", Self.path)
      #expect(Data(file).base64EncodedString() == Picture.onePixel)
      for (name, part) in [
        ("redirect", "answers 303"), ("flood", "larger than 100000"), ("missing", "answers 404"),
      ] {
        let reason = await reason(images, "http://localhost:\(port)/\(name)")
        #expect(reason?.contains(part) == true, "\(reason ?? "")")
      }
      images.timeout = .milliseconds(500)
      let late = await reason(images, "http://localhost:\(port)/slow")
      #expect(late?.contains("no answer") == true, "\(late ?? "")")
      images.timeout = .seconds(30)
      // The same host, as the gateway itself checks it.
      images.isAllowed = PublicAddress.isPublic
      for host in ["localhost", "LOCALHOST", "LocalHost"] {
        let reason = await reason(images, "http://\(host):\(port)/picture.png")
        #expect(reason?.contains("not on the public internet") == true, "\(reason ?? "")")
      }
    }
  }

  @Test(
    "hosts that are not allowed are not asked, however they are written",
    arguments: [
      "http://127.0.0.1/x", "http://localhost.evil.example/x", "http://localhost@evil.example/x",
      "http://evil.example#localhost", "http://evil.example?localhost", "http://[::1]/x",
      "http://2130706433/", "//localhost/x", "http:///x", "http://LOCALHOST.:80/x",
    ])
  func notAllowed(url: String) async {
    let images = RemoteImages(hosts: ["localhost"], bytesMax: 1000) { _ in
      Issue.record("\(url) was resolved")
      return false
    }
    _ = await reason(images, url)
  }
}
