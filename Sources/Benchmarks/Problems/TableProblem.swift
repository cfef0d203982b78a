import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// Recorded evaluations as a problem.
///
/// A configuration that the table does not have is answered with the nearest one that it has (see `TableLookup`), so an
/// optimiser may propose any point of the space. A NaN in the table is a measured NaN, whose cost counts; a configuration
/// whose cost is missing too was never run, and fails.
public struct TableProblem: Problem {
  public let name: String
  public let space: Space
  public let objectives: [Objective]
  public let fidelity: Fidelity?
  public let resources: [Double]
  public let costUnit: String
  /// Over the rows of the table; a row without a score is worse than all others.
  public let reference: Reference
  public let continuesTraining: Bool

  /// The configurations that were recorded.
  public var configurations: [Configuration] { table.configurations }
  /// The score of each of them in the first objective.
  public let scores: [Double]

  private let table: Table
  private let lookup: TableLookup
  private let usesMean: Bool
  private let tuningSeeds: Range<Int>
  private let scoreSeeds: Range<Int>

  /// - Throws: `ProblemError` for an option that the table cannot follow.
  init(_ whole: Table, options: ProblemOptions = ProblemOptions()) throws(ProblemError) {
    let table = try whole.selected(options)
    self.table = table
    name = table.name
    space = table.space
    objectives = table.measures.map(\.objective)
    if let fidelityName = table.fidelityName {
      let isInteger = table.resources.allSatisfy { $0 == $0.rounded() }
      fidelity = Fidelity(
        name: fidelityName, minimum: table.resources[0], maximum: table.resources[table.lastResource],
        isInteger: isInteger)
      resources = table.resources
    } else {
      fidelity = nil
      resources = []
    }
    costUnit = table.costUnit
    continuesTraining = table.continuesTraining
    lookup = TableLookup(table.space, table.configurations)
    usesMean = options.seeds == .mean
    let all = 0..<table.seedCount
    let first = max(1, table.seedCount / 2)
    tuningSeeds = usesMean ? all : 0..<first
    scoreSeeds = usesMean || table.seedCount == 1 ? all : first..<table.seedCount
    let (measure, seeds) = (table.measures[0], scoreSeeds)
    scores = table.configurations.indices.map { row in
      Self.mean(measure.scores ?? measure.values, table, row: row, seeds: seeds, resource: table.lastResource)
    }
    reference = Reference(scores: scores, goal: measure.objective.goal)
  }

  public func evaluate(_ configuration: Configuration, resource: Double?, seed: UInt64) -> Outcome {
    guard let row = lookup.row(of: configuration) else {
      return .failed(.rejected, cost: 0, message: "not a configuration of \(name)")
    }
    var at = table.lastResource
    if let resource {
      guard let found = index(of: resource) else {
        return .failed(.rejected, cost: 0, message: "\(name) has no record at resource \(resource)")
      }
      at = found
    }
    var seeds = tuningSeeds
    if !usesMean, seeds.count > 1 || table.skipsMissingSeeds {
      guard let drawn = drawnSeed(row, seed) else {
        return .failed(.rejected, cost: 0, message: "\(name) has no record of this configuration")
      }
      seeds = drawn..<drawn + 1
    }
    let cost: Double
    if let costs = table.costs {
      cost = Self.mean(costs, table, row: row, seeds: seeds, resource: at)
    } else {
      cost = table.resources[at]
    }
    guard !cost.isNaN else {
      return .failed(.rejected, cost: 0, message: "\(name) has no record of this configuration")
    }
    return .measured(
      table.measures.map { Self.mean($0.values, table, row: row, seeds: seeds, resource: at) }, cost: cost)
  }

  public func score(_ configuration: Configuration) -> [Double] {
    guard let row = lookup.row(of: configuration) else { return objectives.map { _ in .nan } }
    return table.measures.map {
      Self.mean($0.scores ?? $0.values, table, row: row, seeds: scoreSeeds, resource: table.lastResource)
    }
  }

  /// The row that answers for a configuration; nil when it is not one of the space.
  public func row(of configuration: Configuration) -> Int? { lookup.row(of: configuration) }

  private static let purpose = stableHash("table seed")

  private func drawnSeed(_ row: Int, _ seed: UInt64) -> Int? {
    var stream = RandomStream(seed: seed, purpose: Self.purpose, index: 0)
    guard table.skipsMissingSeeds else { return stream.index(below: tuningSeeds.count) }
    let values = table.measures[0].values
    let ran = tuningSeeds.filter { !values.value(row: row, seed: $0, resource: table.lastResource).isNaN }
    return ran.isEmpty ? nil : ran[stream.index(below: ran.count)]
  }

  private func index(of resource: Double) -> Int? {
    var low = 0
    var high = table.resources.count
    while low < high {
      let middle = (low + high) / 2
      if table.resources[middle] < resource { low = middle + 1 } else { high = middle }
    }
    return low < table.resources.count && table.resources[low] == resource ? low : nil
  }

  private static func mean(
    _ array: TableArray, _ table: Table, row: Int, seeds: Range<Int>, resource: Int
  ) -> Double {
    if array.seedStride == 0 { return array.value(row: row, seed: 0, resource: resource) }
    var sum = 0.0
    var count = 0
    for seed in seeds {
      let value = array.value(row: row, seed: seed, resource: resource)
      if value.isNaN, table.skipsMissingSeeds { continue }
      sum += value
      count += 1
    }
    return count > 0 ? sum / Double(count) : .nan
  }
}

extension Reference {
  /// The best and the middle of some configurations' scores; NaN is worse than any number.
  init(scores: [Double], goal: Objective.Goal) {
    let sign: Double = goal == .minimize ? 1 : -1
    let losses = scores.map { $0.isNaN ? .infinity : sign * $0 }.sorted()
    guard let best = losses.first, best < .infinity else {
      self.init()
      return
    }
    let middle = (losses[(losses.count - 1) / 2] + losses[losses.count / 2]) / 2
    self.init(optimum: sign * best, median: middle.isFinite ? sign * middle : nil)
  }
}
