import TrimtabSearchSpaces
import TrimtabStudies

/// A problem with more parameters that have no effect: where few of many matter.
///
/// They are numbers from 0 to 1, named `dummy1`, `dummy2` … and stand after the problem's own.
public struct Dummies: ProblemWrapper {
  /// The most that can be added.
  public static let greatestCount = 1000

  public let base: any Problem
  public let count: Int
  public let space: Space
  /// One more slot for each dummy follows those of the problem beneath.
  private let width: Int

  /// - Parameter count: from 1 to ``greatestCount``.
  /// - Throws: `SpaceError` when a parameter of the problem beneath has the name of a dummy.
  public init(_ base: any Problem, count: Int) throws(SpaceError) {
    self.base = base
    self.count = count
    width = base.space.slotRanges.last?.upperBound ?? 0
    var parameters = base.space.parameters
    for i in 0..<count { parameters.append(try .float("dummy\(i + 1)", 0...1)) }
    space = try Space(parameters, constraints: base.space.constraints)
  }

  public var name: String { "\(base.name)+dummies=\(count)" }

  /// With every dummy in the middle; any other value is as good.
  public var optima: [Configuration] {
    base.optima.map { best in
      let missing = [Double](repeating: .nan, count: max(0, width - best.slots.count))
      return Configuration(slots: best.slots + missing + [Double](repeating: 0.5, count: count))
    }
  }

  /// The configuration without its dummies.
  public func toBase(_ configuration: Configuration) -> Configuration {
    Configuration(slots: Array(configuration.slots.prefix(width)))
  }
}
