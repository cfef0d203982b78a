/// Why a study cannot be taken over from another tool, or given to it.
public struct InterchangeError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    /// The file, or the study in it, does not exist.
    case notFound
    /// The file is not what it should be, or has something that cannot be taken over.
    case badInput
    /// The file is damaged.
    case damaged
    /// A file cannot be read or written.
    case failure
  }

  public var kind: Kind
  /// The file, with the line or the record in it where there is one.
  public var place: String
  public var message: String
  /// What to do about it.
  public var hint: String?

  public init(_ kind: Kind = .badInput, at place: String, _ message: String, hint: String? = nil) {
    self.kind = kind
    self.place = place
    self.message = message
    self.hint = hint
  }

  public var description: String { "\(place): \(message)" + (hint.map { " (\($0))" } ?? "") }
}
