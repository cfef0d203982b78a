/// Why the advisor cannot answer: what was given is impossible, or too little.
public struct ScalingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong, where, and what would do.
  public let message: String

  public init(_ message: String) { self.message = message }

  public var description: String { message }
}

/// - Throws: `ScalingError` when the number is not finite and above 0.
func requirePositive(_ value: Double, _ name: String) throws(ScalingError) {
  guard value.isFinite, value > 0 else {
    throw ScalingError("\(name) is \(shown(value)); it must be a number above 0")
  }
}
