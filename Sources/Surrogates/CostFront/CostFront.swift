/// Outcomes of the same configuration: what it gives, greater being better, and what it costs.
public struct CostGroup: Sendable, Equatable {
  /// The places of its outcomes, in the order of the log.
  public private(set) var members: [Int] = []
  public private(set) var outputs: [Double] = []
  public private(set) var costs: [Double] = []

  public init() {}

  public mutating func add(_ member: Int, output: Double, cost: Double) {
    members.append(member)
    outputs.append(output)
    costs.append(cost)
  }

  public var count: Int { members.count }
  public var output: Double { Self.mean(outputs) }
  public var cost: Double { Self.mean(costs) }
  public var bestOutput: Double { outputs.max() ?? -.infinity }

  /// Of shares, whose sum does not overflow.
  private static func mean(_ values: [Double]) -> Double {
    values.reduce(0) { $0 + $1 / Double(values.count) }
  }
}

/// The configurations that give more than all that cost less.
///
/// Source: Fetterman and others, "Tune as you scale", arXiv 2306.08055, 2023, section 3.
public enum CostFront {
  /// The front, the cheapest first; empty without groups.
  ///
  /// It begins with the best of the groups that cost no more than a quantile of all costs, so that what is merely cheap
  /// has no place on it.
  /// - Parameters:
  ///   - share: of that quantile, from 0 to 1.
  ///   - isConservative: whether a group of one has to exceed every single outcome of the last group of the front, and not
  ///     only its mean, and one of the cheap groups with several outcomes comes first if there is any: a lucky outcome then
  ///     does not lead the search astray.
  public static func front(_ groups: [CostGroup], share: Double, isConservative: Bool) -> [CostGroup] {
    let limit = quantile(groups.flatMap(\.costs), share)
    var cheap = groups.filter { $0.cost <= limit }
    // The cheapest outcome's group may cost more on average.
    if cheap.isEmpty { cheap = groups.min { $0.cost < $1.cost }.map { [$0] } ?? [] }
    let repeated = cheap.filter { $0.count > 1 }
    if isConservative, !repeated.isEmpty { cheap = repeated }
    guard let first = cheap.max(by: { ($0.output, -$0.cost) < ($1.output, -$1.cost) }) else { return [] }
    var front = [first]
    let rest = groups.filter { $0.cost > max(limit, first.cost) }
    for group in rest.sorted(by: { ($0.cost, -$0.output) < ($1.cost, -$1.output) }) {
      let last = front[front.count - 1]
      let bar = isConservative && group.count == 1 ? last.bestOutput : last.output
      if group.output > bar { front.append(group) }
    }
    return front
  }

  /// The area below the steps of a front: the sum of each group's output times what the next costs more.
  public static func area(_ front: [CostGroup]) -> Double {
    zip(front, front.dropFirst()).reduce(0) { $0 + ($1.1.cost - $1.0.cost) * $1.0.output }
  }

  /// By linear interpolation between the sorted values.
  static func quantile(_ values: [Double], _ share: Double) -> Double {
    let sorted = values.sorted()
    guard let last = sorted.last else { return .nan }
    let place = share * Double(sorted.count - 1)
    let low = Int(place)
    guard low + 1 < sorted.count else { return last }
    return sorted[low] + (place - Double(low)) * (sorted[low + 1] - sorted[low])
  }
}
