/// Problems that need no data.
public struct ProblemFamily: Sendable {
  /// Those that are listed; a family may make others, such as the same formula in more dimensions.
  public var names: [String]
  /// The problem of that name; nil when the family has none.
  public var make: @Sendable (_ name: String) throws -> (any Problem)?

  public init(names: [String], make: @escaping @Sendable (_ name: String) throws -> (any Problem)?) {
    self.names = names
    self.make = make
  }
}
