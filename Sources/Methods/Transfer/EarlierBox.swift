import TrimtabSearchSpaces
import TrimtabStudies

/// The part of a space in which the best configuration of each earlier study lies.
///
/// Source: Perrone, Shen, Seeger, Archambeau & Jenatton, "Learning search spaces for Bayesian optimization: another view of
/// hyperparameter transfer learning", NeurIPS 2019, arXiv 1909.12552.
///
/// Deviation: ranges are widened by a tenth of the whole range on both sides, on their scale, because the best of a few
/// studies may all be the same. Orders and weights of mixtures stay as they are.
struct EarlierBox: Sendable {
  static let margin = 0.1

  private let best: [Configuration]

  /// - Returns: nil when there are no earlier trials.
  init?(_ state: StudyState) {
    let sign = state.spec.objectives[0].sign
    best = state.earlierStudies.compactMap { study in
      study.trials.min { sign * $0.value < sign * $1.value }?.configuration
    }
    if best.isEmpty { return nil }
  }

  /// The space, narrowed; nil when that is not possible.
  func narrowed(_ space: Space) -> Space? {
    var constraints = space.constraints
    let parameters = space.parameters.indices.map { index in
      let parameter = space.parameters[index]
      guard parameter.fixedValue == nil else { return parameter }
      let slot = space.slotRanges[index].lowerBound
      let values = best.compactMap { slot < $0.slots.count && !$0.slots[slot].isNaN ? $0.slots[slot] : nil }
      guard let least = values.min(), let most = values.max() else { return parameter }
      switch parameter.domain {
      case .float(let domain), .integer(let domain):
        guard let axis = space.axes[index] else { return parameter }
        var narrow = domain
        narrow.low = axis.decode(max(0, axis.encode(least) - Self.margin))
        narrow.high = axis.decode(min(1, axis.encode(most) + Self.margin))
        var changed = parameter
        if case .integer = parameter.domain {
          changed.domain = .integer(narrow)
        } else {
          changed.domain = .float(narrow)
        }
        return Self.checked(changed) ?? parameter
      case .categorical(let choices), .ordinal(let choices):
        let kept = Set(values.map { Int($0) })
        guard kept.count < choices.count else { return parameter }
        if kept.count == 1, let only = kept.first, choices.indices.contains(only) {
          return Self.fixed(parameter, to: choices[only])
        }
        let allowed = kept.sorted().map { Self.operand(choices[$0]) }
        constraints.append(.membership(.name(parameter.name, offset: 0), allowed, negated: false))
        return parameter
      case .boolean:
        return least == most ? Self.fixed(parameter, to: .boolean(least != 0)) : parameter
      case .constant, .permutation, .simplex: return parameter
      }
    }
    // Where choices cannot be said in a constraint, ranges alone are narrowed.
    return (try? Space(parameters, constraints: constraints))
      ?? (try? Space(parameters, constraints: space.constraints))
  }

  private static func fixed(_ parameter: Parameter, to choice: Choice) -> Parameter {
    var result = parameter
    result.fixedValue = .choice(choice)
    return result
  }

  /// A default outside the narrowed range is dropped; nil when the range itself is impossible.
  private static func checked(_ parameter: Parameter) -> Parameter? {
    var result = parameter
    result.condition = nil
    if (try? Space([result])) == nil { result.defaultValue = nil }
    guard (try? Space([result])) != nil else { return nil }
    result.condition = parameter.condition
    return result
  }

  private static func operand(_ choice: Choice) -> Expression {
    switch choice {
    case .text(let text): .text(text, offset: 0)
    case .integer(let value): .number(Double(value), offset: 0)
    case .real(let value): .number(value, offset: 0)
    case .boolean(let value): .boolean(value, offset: 0)
    }
  }
}
