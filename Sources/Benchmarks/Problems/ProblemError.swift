import TrimtabSearchSpaces

/// Why a problem cannot be had: the place, what is wrong there, and the mend.
public struct ProblemError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A file, with line and column where they are known, or the problem's name.
  public var place: String
  public var message: String
  public var hint: String?

  public init(_ message: String, at place: String, hint: String? = nil) {
    self.place = place
    self.message = message
    self.hint = hint
  }

  public var description: String { "\(place): \(message)" + (hint.map { " (\($0))" } ?? "") }
}

extension ProblemError {
  /// The first error of a text.
  init(_ diagnostics: Diagnostics) {
    guard let first = diagnostics.list.first else {
      self.init("cannot be read", at: diagnostics.source.name)
      return
    }
    self.init(
      first.message, at: "\(diagnostics.source.name):\(first.position.line):\(first.position.column)", hint: first.hint)
  }
}
