import TrimtabNumerics

/// Power laws of the best learning rate, batch and weight decay in N and D, from a grid of runs.
///
/// Runs within `threshold` of the best loss of their cell (one N and D) count as its near-best; their settings are fitted by
/// least squares in logarithms. Source: the procedure of Li and others, "Step law", arXiv 2503.04715, 2025.
public struct SettingsFit: Sendable {
  public struct Run: Sendable, Equatable {
    public var parameters: Double
    public var tokens: Double
    /// One number a setting, such as the rate and the batch.
    public var settings: [Double]
    public var loss: Double

    public init(parameters: Double, tokens: Double, settings: [Double], loss: Double) {
      self.parameters = parameters
      self.tokens = tokens
      self.settings = settings
      self.loss = loss
    }
  }

  /// ln of the setting = c₀ + c₁·ln N + c₂·ln D; a feature that the law has not is 0.
  public struct Law: Sendable, Equatable {
    public var setting: String
    public var usesN: Bool
    public var usesD: Bool
    public var coefficients: [Double]

    public init(setting: String, usesN: Bool, usesD: Bool, coefficients: [Double]) {
      self.setting = setting
      self.usesN = usesN
      self.usesD = usesD
      self.coefficients = coefficients
    }

    public func predict(parameters: Double, tokens: Double) -> Double {
      _exp(coefficients[0] + coefficients[1] * _log(parameters) + coefficients[2] * _log(tokens))
    }
  }

  public struct Gap: Sendable, Equatable {
    public var parameters: Double
    public var tokens: Double
    /// The loss of the grid's run nearest to the predicted settings over the cell's best, less 1.
    public var gap: Double
  }

  /// Step Law as printed, of the settings `lr` and `batch`, to be judged on other runs.
  public static let stepLaw: [Law] = {
    let law = StepLaw.printed
    return [
      Law(setting: "lr", usesN: true, usesD: true, coefficients: [law.logRate, law.rateN, law.rateD]),
      Law(setting: "batch", usesN: false, usesD: true, coefficients: [law.logBatch, 0, law.batchD]),
    ]
  }()

  struct Cell: Sendable {
    var parameters: Double
    var tokens: Double
    var runs: [Run]
    var best: Double
  }

  public let names: [String]
  public private(set) var laws: [Law] = []
  /// Runs within the threshold.
  public private(set) var nearBest: [Run] = []
  /// Runs left out because they diverged: no finite loss, or more than twice the best of the cell.
  public let diverged: Int
  public private(set) var warnings: [String] = []
  let cells: [Cell]
  let threshold: Double

  /// - Parameters:
  ///   - names: of the settings; one that stays the same in all runs is left out.
  ///   - needsN: for each setting, whether its law has N.
  /// - Throws: `ScalingError` for too few scales, and for N and D that move together.
  public init(
    _ runs: [Run], names: [String], needsN: [Bool], threshold: Double = 0.0025
  ) throws(ScalingError) {
    self.threshold = threshold
    var grouped: [String: [Run]] = [:]
    var order: [String] = []
    for (i, run) in runs.enumerated() {
      for (name, value) in [("N", run.parameters), ("D", run.tokens)] + Array(zip(names, run.settings)) {
        guard value.isFinite, value > 0 else {
          throw ScalingError("row \(i + 1): \(name) is \(shown(value)); it must be a number above 0")
        }
      }
      let key = "\(run.parameters) \(run.tokens)"
      if grouped[key] == nil { order.append(key) }
      grouped[key, default: []].append(run)
    }
    var cells: [Cell] = []
    var diverged = 0
    for key in order {
      let all = grouped[key] ?? []
      let finite = all.filter { $0.loss.isFinite && $0.loss > 0 }
      guard let best = finite.map(\.loss).min(), let first = finite.first else {
        diverged += all.count
        continue
      }
      let kept = finite.filter { $0.loss <= 2 * best }
      diverged += all.count - kept.count
      cells.append(Cell(parameters: first.parameters, tokens: first.tokens, runs: kept, best: best))
    }
    self.cells = cells
    self.diverged = diverged
    self.names = names
    guard cells.count >= 3 else {
      throw ScalingError(
        "the runs have \(cells.count) different (N, D): a law needs at least 3, and some to judge it by")
    }
    nearBest = cells.flatMap { cell in cell.runs.filter { $0.loss / cell.best - 1 < threshold } }
    let kinds = (Set(cells.map(\.parameters)).count, Set(cells.map(\.tokens)).count)
    for (i, name) in names.enumerated() where Set(runs.map { $0.settings[i] }).count > 1 {
      let usesD = kinds.1 > 1
      let usesN = kinds.0 > 1 && (needsN[i] || !usesD)
      laws.append(try Self.law(name, i, usesN, usesD, nearBest))
    }
    guard !laws.isEmpty else {
      throw ScalingError("\(names.joined(separator: " and ")) is the same in all runs: there is nothing to fit")
    }
    for (name, count) in [("N", kinds.0), ("D", kinds.1)] where count < 3 {
      warnings.append("only \(count) different \(name): its exponent rests on \(count == 1 ? "nothing" : "two points")")
    }
    for (i, name) in names.enumerated() where laws.contains(where: { $0.setting == name }) {
      let edged = cells.filter { cell in
        guard let best = cell.runs.min(by: { $0.loss < $1.loss }) else { return false }
        let values = cell.runs.map { $0.settings[i] }
        return Set(values).count > 1 && (best.settings[i] == values.min() || best.settings[i] == values.max())
      }
      if !edged.isEmpty {
        warnings.append(
          "the best \(name) lies on the edge of its grid in \(edged.count) of \(cells.count) cells: widen it there")
      }
    }
  }

  private static func features(_ runs: [Run], _ usesN: Bool, _ usesD: Bool) -> ([[Double]], [String]) {
    var columns: [[Double]] = []
    var names: [String] = []
    if usesN {
      columns.append(runs.map { _log($0.parameters) })
      names.append("N")
    }
    if usesD {
      columns.append(runs.map { _log($0.tokens) })
      names.append("D")
    }
    return (columns, names)
  }

  private static func law(
    _ name: String, _ index: Int, _ usesN: Bool, _ usesD: Bool, _ runs: [Run]
  ) throws(ScalingError) -> Law {
    let (columns, names) = features(runs, usesN, usesD)
    let fit = try LinearFit(columns, runs.map { _log($0.settings[index]) }, names: names)
    return Law(setting: name, usesN: usesN, usesD: usesD, coefficients: spread(fit.coefficients, usesN, usesD))
  }

  private static func spread(_ found: [Double], _ usesN: Bool, _ usesD: Bool) -> [Double] {
    [found[0], usesN ? found[1] : 0, usesD ? found[usesN ? 2 : 1] : 0]
  }

  private func index(_ law: Law) -> Int { names.firstIndex(of: law.setting) ?? 0 }

  /// The laws fitted to other runs; nil where those do not determine them.
  private func refit(_ runs: [Run]) -> [Law]? {
    var result: [Law] = []
    for law in laws {
      let (columns, _) = Self.features(runs, law.usesN, law.usesD)
      let i = index(law)
      guard let found = LinearFit.solve(columns, runs.map { _log($0.settings[i]) }, nil) else { return nil }
      var copy = law
      copy.coefficients = Self.spread(found, law.usesN, law.usesD)
      result.append(copy)
    }
    return result
  }

  /// The gap of laws in a cell, by the grid's run nearest in the logarithms of the settings.
  private func gap(_ laws: [Law], _ cell: Cell) -> Double {
    let wanted = laws.map { (index($0), _log($0.predict(parameters: cell.parameters, tokens: cell.tokens))) }
    var (least, loss) = (Double.infinity, Double.nan)
    for run in cell.runs {
      let distance = wanted.reduce(0) { sum, item in
        let step = _log(run.settings[item.0]) - item.1
        return sum + step * step
      }
      if distance < least { (least, loss) = (distance, run.loss) }
    }
    return loss / cell.best - 1
  }

  /// The gaps of any laws on the grid, such as published ones.
  public func gaps(of laws: [Law]? = nil) -> [Gap] {
    cells.map { Gap(parameters: $0.parameters, tokens: $0.tokens, gap: gap(laws ?? self.laws, $0)) }
  }

  /// The gaps in cells that each fit did not see.
  public func leaveOneCellOut() -> [Gap] {
    cells.compactMap { cell in
      let rest = nearBest.filter { $0.parameters != cell.parameters || $0.tokens != cell.tokens }
      return refit(rest).map { Gap(parameters: cell.parameters, tokens: cell.tokens, gap: gap($0, cell)) }
    }
  }

  /// The gaps in the cells of N above `largest` of laws fitted to the others; nil where those do not determine them.
  public func extrapolation(above largest: Double) -> (laws: [Law], gaps: [Gap])? {
    guard let laws = refit(nearBest.filter { $0.parameters <= largest }) else { return nil }
    let gaps = cells.filter { $0.parameters > largest }.map {
      Gap(parameters: $0.parameters, tokens: $0.tokens, gap: gap(laws, $0))
    }
    return gaps.isEmpty ? nil : (laws, gaps)
  }

  /// The middle 95 % of the predictions of fits to resampled runs, and to resampled cells, whose runs go together.
  public func intervals(
    parameters: Double, tokens: Double, count: Int = 1000, seed: UInt64 = 0
  ) -> [(setting: String, byRun: ClosedRange<Double>, byCell: ClosedRange<Double>)] {
    let kinds = [resampledByRun(count: count, seed: seed), resampledByCell(count: count, seed: seed)]
    return laws.enumerated().map { i, law in
      let ranges = kinds.map { fits in
        let sorted = fits.map { $0[i].predict(parameters: parameters, tokens: tokens) }.sorted()
        return sorted.isEmpty ? 0 ... .infinity : sortedQuantile(sorted, 0.025)...sortedQuantile(sorted, 0.975)
      }
      return (law.setting, ranges[0], ranges[1])
    }
  }

  private func resampledByRun(count: Int, seed: UInt64) -> [[Law]] {
    (0..<count).compactMap { sample in
      var stream = RandomStream(seed: seed, purpose: stableHash("scaling-runs"), index: UInt64(sample))
      return refit(nearBest.map { _ in nearBest[stream.index(below: nearBest.count)] })
    }
  }

  /// The laws fitted to resampled cells, whose runs go together.
  func resampledByCell(count: Int, seed: UInt64) -> [[Law]] {
    let groups = Dictionary(grouping: nearBest) { "\($0.parameters) \($0.tokens)" }
    let keys = groups.keys.sorted()
    return (0..<count).compactMap { sample in
      var stream = RandomStream(seed: seed, purpose: stableHash("scaling-cells"), index: UInt64(sample))
      return refit(keys.flatMap { _ in groups[keys[stream.index(below: keys.count)]] ?? [] })
    }
  }

  /// Reasons to doubt a prediction at a target.
  public func doubts(parameters: Double, tokens: Double) -> [String] {
    var found: [String] = []
    let checks: [(String, Double, [Double])] = [
      ("N", parameters, cells.map(\.parameters)), ("D", tokens, cells.map(\.tokens)),
      ("D/N", tokens / parameters, cells.map { $0.tokens / $0.parameters }),
    ]
    for (name, value, all) in checks {
      guard let low = all.min(), let high = all.max() else { continue }
      if value < low / 10 || value > high * 10 {
        found.append(
          "\(name) = \(shown(value)) is more than 10 times beyond the runs (\(shown(low))…\(shown(high))): not to be trusted"
        )
      } else if value < low * 0.999 || value > high * 1.001 {
        found.append("\(name) = \(shown(value)) is outside of the runs (\(shown(low))…\(shown(high)))")
      }
    }
    return found
  }
}
