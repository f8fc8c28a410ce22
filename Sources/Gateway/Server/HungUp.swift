/// The client of a request has gone.
struct HungUp: Error {}
