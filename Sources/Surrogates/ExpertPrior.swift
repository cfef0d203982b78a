import TrimtabNumerics
import TrimtabSearchSpaces

/// What a person believes of where good configurations lie: near each parameter's default.
///
/// Numbers have a normal density about the default on the unit interval, truncated to it, of deviation 1 − confidence, at
/// least 0.02; of K choices the default has the probability 1/K + confidence (1 − 1/K). Parameters without a default may lie
/// anywhere, and what is inactive speaks neither for nor against a configuration.
/// Source: the widths are those of Mallik et al., "PriorBand", NeurIPS 2023, arXiv 2306.12370.
public struct ExpertPrior: Sendable {
  private struct Number: Sendable {
    var feature: Int
    var centre: Double
    /// The choice that is 0 where the parameter is inactive.
    var activity: Int?
  }

  private struct Choice: Sendable {
    var feature: Int
    var code: Int32
    var logDefault: Double
    var logOther: Double
    var activity: Int?
  }

  private let deviation: Double
  private var numbers: [Number] = []
  private var choices: [Choice] = []
  public let confidence: Double

  /// - Parameter confidence: from 0, which believes nothing, to 1.
  /// - Returns: nil when no parameter has a default, or nothing is believed.
  public init?(_ features: SpaceFeatures, confidence: Double) {
    guard confidence > 0, confidence <= 1 else { return nil }
    self.confidence = confidence
    deviation = max(1 - confidence, 0.02)
    let space = features.space
    var slots = [Double](repeating: .nan, count: space.slotCount)
    for (index, parameter) in space.parameters.enumerated() {
      guard let value = parameter.defaultValue, let raw = try? parameter.slots(of: value) else { continue }
      slots.replaceSubrange(space.slotRanges[index], with: raw)
    }
    var units = [Double](repeating: .nan, count: space.coordinates.count)
    space.encode(Configuration(slots: slots)) { units[$0] = $1 }
    for (feature, number) in features.numbers.enumerated() {
      switch number {
      case .coordinate(let coordinate) where !units[coordinate].isNaN:
        let activity = features.activityColumn(ofParameter: space.coordinates[coordinate].parameter)
        numbers.append(Number(feature: feature, centre: units[coordinate], activity: activity))
      case .weight(let slot, _) where !slots[slot].isNaN:
        let activity = space.slotRanges.firstIndex { $0.contains(slot) }
          .flatMap { features.activityColumn(ofParameter: $0) }
        numbers.append(Number(feature: feature, centre: slots[slot].squareRoot(), activity: activity))
      case .coordinate, .weight, .resource: break
      }
    }
    for (feature, choice) in features.choices.enumerated() {
      guard case .slot(let slot) = choice, !slots[slot].isNaN,
        let index = space.slotRanges.firstIndex(where: { $0.contains(slot) })
      else { continue }
      let count = Double(space.parameters[index].domain.cardinality ?? 2)
      let share = 1 / count + confidence * (1 - 1 / count)
      choices.append(
        Choice(
          feature: feature, code: Int32(slots[slot]), logDefault: _log(share),
          logOther: _log(max((1 - share) / max(count - 1, 1), 1e-12)),
          activity: features.activityColumn(ofParameter: index)))
    }
    if numbers.isEmpty, choices.isEmpty { return nil }
  }

  private static func isActive(_ activity: Int?, _ points: FeaturePoints, _ row: Int) -> Bool {
    activity.map { points.choices[$0][row] != 0 } ?? true
  }

  /// The logarithm of the density, up to a constant: 0 at the defaults.
  public func logDensities(_ points: FeaturePoints) -> [Double] {
    (0..<points.count).map { row in
      var sum = 0.0
      for number in numbers where Self.isActive(number.activity, points, row) {
        let z = (points.numbers[row * points.numberCount + number.feature] - number.centre) / deviation
        sum -= 0.5 * z * z
      }
      for choice in choices
      where points.choices[choice.feature][row] != choice.code && Self.isActive(choice.activity, points, row) {
        sum += choice.logOther - choice.logDefault
      }
      return sum
    }
  }

  func addGradients(_ points: FeaturePoints, weight: Double, to gradients: inout Matrix) {
    for row in 0..<points.count {
      for number in numbers where Self.isActive(number.activity, points, row) {
        let x = points.numbers[row * points.numberCount + number.feature]
        gradients[number.feature, row] -= weight * (x - number.centre) / (deviation * deviation)
      }
    }
  }
}

/// An acquisition function times a power of an expert's belief, which fades as trials come in: α(x) π(x)^(β/n).
/// Source: Hvarfner, Stoll, Souza, Lindauer, Hutter & Nardi, "πBO: augmenting acquisition functions with user beliefs for
/// Bayesian optimization", ICLR 2022, arXiv 2204.11051.
public struct BelievedAcquisition: Acquisition {
  /// In logarithms.
  let base: any Acquisition
  let prior: ExpertPrior
  /// β/n.
  let weight: Double

  public init(_ base: any Acquisition, _ prior: ExpertPrior, weight: Double) {
    self.base = base
    self.prior = prior
    self.weight = weight
  }

  public var hasGradients: Bool { base.hasGradients }
  public var numberScales: [Double] { base.numberScales }

  public func values(_ points: FeaturePoints) -> [Double] {
    zip(base.values(points), prior.logDensities(points)).map { $0 + weight * $1 }
  }

  public func valuesAndGradients(_ points: FeaturePoints) -> (values: [Double], gradients: Matrix) {
    var (values, gradients) = base.valuesAndGradients(points)
    let believed = prior.logDensities(points)
    for i in values.indices { values[i] += weight * believed[i] }
    prior.addGradients(points, weight: weight, to: &gradients)
    return (values, gradients)
  }
}
