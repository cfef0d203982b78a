/// Why another optimiser cannot be used, or not any longer.
public struct PeerError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    /// Its program or its package is missing.
    case notInstalled
    case cannotStart
    /// It cannot take the study, or said that a request is wrong.
    case refused
    /// Its process ended.
    case died
    /// It did not answer in time; its process was ended.
    case timedOut
    /// It broke the protocol, or gave a configuration outside of the space; its process was ended.
    case misbehaved
    /// It was closed before.
    case closed
  }

  public var kind: Kind
  public var message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }
}
