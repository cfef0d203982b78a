import TrimtabSearchSpaces

/// What is wrong with an option of a problem, and the mend.
public struct ProblemOptionError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The problem that was asked for.
  public var problem: String
  public var option: String
  public var message: String
  public var hint: String?

  public init(_ problem: String, option: String, _ message: String, hint: String? = nil) {
    self.problem = problem
    self.option = option
    self.message = message
    self.hint = hint
  }

  public var description: String { "\(problem): \(option): \(message)" + (hint.map { " (\($0))" } ?? "") }
}
