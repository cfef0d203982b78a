import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// A problem in other words: numbers are moved along their axes, or choices stand in another order, so that a method that
/// profits from where optima usually lie, or which choice comes first, loses that.
///
/// Each configuration here stands for exactly one of the problem beneath, and uniform draws for uniform draws; so the
/// optimum, the median and the front stay what they are.
///
/// Numbers and booleans that conditions or constraints mention or that are fixed stay as they are, and so do numbers in
/// steps on an axis that is not linear (their steps are not equally likely), ordinals, permutations and simplexes.
public struct Recoding: ProblemWrapper {
  /// How the values of one parameter are read.
  private enum Move: Sendable, Equatable {
    case none
    /// This much is added to the unit coordinate; beyond 1 it begins again at 0.
    case turn(Double)
    /// This many levels are added; beyond the last the first follows.
    case levels(Int, of: Int)
    /// The choice that each index stands for.
    case order([Int])
  }

  public let base: any Problem
  public let name: String
  public let space: Space
  private let moves: [Move]

  /// Moves every number by an amount of its own, uniform along its axis and cyclic: what falls off at the end comes in at
  /// the beginning. So the box has a seam in its middle, across which values jump.
  ///
  /// - Parameter variant: from which the amounts are drawn, together with the parameter's name.
  /// - Throws: `SpaceError` when a moved default value is refused by the space.
  public static func shifting(_ base: any Problem, variant: UInt64) throws(SpaceError) -> Recoding {
    let mentioned = mentionedNames(base.space)
    let moves = base.space.parameters.map { parameter -> Move in
      guard !mentioned.contains(parameter.name), parameter.fixedValue == nil else { return .none }
      switch parameter.domain {
      case .float(let domain), .integer(let domain):
        var stream = RandomStream(seed: variant, purpose: stableHash("shift"), index: stableHash(parameter.name))
        guard let levels = domain.levels else { return .turn(stream.uniform()) }
        let isEven = domain.scale == .linear && domain.prior == nil
        return levels > 1 && isEven ? .levels(stream.index(below: levels), of: levels) : .none
      default: return .none
      }
    }
    return try Recoding(base, "shift", variant, moves)
  }

  /// Puts the choices of every categorical parameter in another order, and swaps the meanings of `true` and `false` of
  /// every other boolean.
  ///
  /// - Parameter variant: from which the orders are drawn, together with the parameter's name.
  /// - Throws: `SpaceError` when a default value is refused by the space.
  public static func permuting(_ base: any Problem, variant: UInt64) throws(SpaceError) -> Recoding {
    let mentioned = mentionedNames(base.space)
    let moves = base.space.parameters.map { parameter -> Move in
      var stream = RandomStream(seed: variant, purpose: stableHash("permute"), index: stableHash(parameter.name))
      switch parameter.domain {
      // The labels go along, so conditions keep their meaning.
      case .categorical(let choices):
        var order = Array(choices.indices)
        stream.shuffle(&order)
        return .order(order)
      case .boolean where !mentioned.contains(parameter.name) && parameter.fixedValue == nil:
        return stream.uniform() < 0.5 ? .none : .order([1, 0])
      default: return .none
      }
    }
    return try Recoding(base, "permute", variant, moves)
  }

  private init(_ base: any Problem, _ word: String, _ variant: UInt64, _ moves: [Move]) throws(SpaceError) {
    self.base = base
    self.moves = moves
    name = "\(base.name)+\(word)" + (variant == 0 ? "" : "=\(variant)")
    var parameters = base.space.parameters
    for (index, move) in moves.enumerated() {
      switch (move, parameters[index].domain) {
      case (.order(let order), .categorical(let choices)):
        parameters[index].domain = .categorical(order.map { choices[$0] })
      case (.none, _): break
      default:
        guard parameters[index].defaultValue != nil else { break }
        let moved = Self.move(base.space.defaultConfiguration(), in: base.space, by: moves, back: true)
        parameters[index].defaultValue = base.space.value(of: index, in: moved)
      }
    }
    space = try Space(parameters, constraints: base.space.constraints)
  }

  // MARK: The way to and fro

  /// The configuration of the problem beneath that one of this problem stands for.
  public func toBase(_ configuration: Configuration) -> Configuration {
    Self.move(configuration, in: base.space, by: moves, back: false)
  }

  /// The configuration of this problem that stands for one of the problem beneath.
  public func fromBase(_ configuration: Configuration) -> Configuration {
    Self.move(configuration, in: base.space, by: moves, back: true)
  }

  private static func move(
    _ configuration: Configuration, in space: Space, by moves: [Move], back: Bool
  ) -> Configuration {
    var slots = configuration.slots
    for (index, move) in moves.enumerated() {
      let slot = space.slotRanges[index].lowerBound
      guard slot < slots.count, !slots[slot].isNaN else { continue }
      switch move {
      case .none: break
      case .turn(let amount):
        if let axis = space.axes[index] { slots[slot] = turn(slots[slot], axis, back ? -amount : amount) }
      case .levels(let amount, let count):
        if let domain = space.axes[index]?.domain {
          let level = domain.level(of: slots[slot]) + (back ? count - amount : amount)
          slots[slot] = domain.value(level: level % count)
        }
      case .order(let order):
        slots[slot] = Double(back ? order.firstIndex(of: Int(slots[slot])) ?? 0 : order[Int(slots[slot])])
      }
    }
    return Configuration(slots: slots)
  }

  /// Coordinates this near to an end are the end: both ends can be reached, though they meet at the seam.
  private static let seam = 1e-12

  private static func turn(_ value: Double, _ axis: NumericAxis, _ amount: Double) -> Double {
    var unit = axis.encode(value)
    if amount < 0 {
      // Half a seam inside, so that the way to the problem beneath leads to this end and not to the other.
      if unit <= 0 { unit = seam / 2 }
      if unit >= 1 { unit = 1 - seam / 2 }
    }
    unit += amount
    if unit > 1 { unit -= 1 }
    if unit < 0 { unit += 1 }
    if amount >= 0 {
      if unit < seam { return axis.domain.low.isFinite ? axis.domain.low : axis.decode(0) }
      if unit > 1 - seam { return axis.domain.high.isFinite ? axis.domain.high : axis.decode(1) }
    }
    return axis.decode(unit)
  }

  private static func mentionedNames(_ space: Space) -> Set<String> {
    var names: Set<String> = []
    for expression in space.parameters.compactMap(\.condition) + space.constraints {
      collectNames(expression, into: &names)
    }
    return names
  }

  /// Some may be names of choices, which does no harm beyond leaving a parameter of the same name in its place.
  private static func collectNames(_ expression: Expression, into names: inout Set<String>) {
    switch expression {
    case .number, .text, .boolean: break
    case .name(let name, _), .part(_, of: let name, _): names.insert(name)
    case .negative(let a), .not(let a): collectNames(a, into: &names)
    case .arithmetic(let a, _, let b), .comparison(let a, _, let b), .and(let a, let b), .or(let a, let b):
      collectNames(a, into: &names)
      collectNames(b, into: &names)
    case .membership(let a, let list, _):
      for item in [a] + list { collectNames(item, into: &names) }
    }
  }

  // MARK: The problem

  public var optima: [Configuration] { base.optima.map(fromBase) }
}
