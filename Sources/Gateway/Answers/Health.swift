/// The answer to `GET /live` and `GET /ready`.
struct Health: Encodable, Sendable {
  let status: String
}
