import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// Parameters that are active together, with the pair of joint estimators made of the trials that have them all.
struct ParzenGroup: Sendable {
  /// In the space's evaluation order.
  let parameters: [Int]
  let shape: ParzenShape
  private(set) var below: KernelSet
  private(set) var above: AboveKernels
  /// Whether each trial has all the group's parameters, within their present ranges.
  private var isCovered: ContiguousArray<Bool> = []
  private let purpose: UInt64

  init(_ space: Space, parameters: [Int], number: Int, seed: UInt64) {
    self.parameters = parameters
    shape = ParzenShape(space, parameters: parameters)
    below = KernelSet(shape)
    purpose = mix(TPE.purpose, UInt64(number))
    above = AboveKernels(shape, seed: mix(seed, stableHash("reservoir")), purpose: purpose)
  }

  /// Takes over a proposed trial.
  mutating func append(_ trial: TrialNumber, _ history: History) {
    let covers = !shape.isEmpty && shape.covers(trial, in: history)
    isCovered.append(covers)
    if covers { above.insert(trial, isPending: true) }
  }

  /// Takes over other values of a pending trial.
  mutating func replace(_ trial: TrialNumber, _ history: History) {
    if isCovered[trial] { above.remove(trial) }
    isCovered[trial] = !shape.isEmpty && shape.covers(trial, in: history)
    if isCovered[trial] { above.insert(trial, isPending: true) }
  }

  /// A trial was given up without a result, or takes part again.
  mutating func drop(_ trial: TrialNumber) { if isCovered[trial] { above.remove(trial) } }

  mutating func restore(_ trial: TrialNumber) { if isCovered[trial] { above.insert(trial, isPending: false) } }

  mutating func finish(_ trial: TrialNumber) { if isCovered[trial] { above.finish(trial) } }

  mutating func moveBelow(_ trial: TrialNumber) {
    guard isCovered[trial] else { return }
    above.remove(trial)
    below.insert(KernelSet.Member(trial: trial))
  }

  mutating func moveAbove(_ trial: TrialNumber) {
    guard isCovered[trial], let index = below.index(of: trial) else { return }
    below.remove(at: index)
    above.insert(trial, isPending: false)
  }

  /// Candidates from the better trials' density, best first: where the densities' ratio is greatest.
  mutating func candidates(_ count: Int, trial: TrialNumber, seed: UInt64, history: History) -> RankedCandidates {
    below.load(history)
    above.load(history)
    var stream = RandomStream(seed: seed, purpose: purpose, index: UInt64(trial))
    let batch = below.draw(count, from: &stream)
    let scores = logRatios(batch)
    let order = scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
    return RankedCandidates(batch: batch, scores: scores, order: order)
  }

  /// The logarithms of the densities' ratios, greatest where the better trials lie.
  private func logRatios(_ batch: CandidateBatch) -> [Double] {
    let good = below.logDensities(batch, weights: Array(repeating: 1, count: below.members.count))
    let bad = above.kernels.logDensities(batch, weights: above.weights())
    return zip(good, bad).map { $0 - $1 }
  }

  /// The same at a configuration that has all the group's parameters; coordinates that are not active play no part.
  mutating func logRatio(_ units: [Double], _ slots: [Double], history: History) -> Double {
    below.load(history)
    above.load(history)
    var batch = CandidateBatch(shape, count: 1)
    for (i, coordinate) in shape.continuous.enumerated() { batch.points[i * batch.stride] = units[coordinate] }
    for (i, grid) in shape.grids.enumerated() {
      let cell = grid.cell(at: units[grid.coordinate])
      batch.points[(shape.continuous.count + i) * batch.stride] = cell.centre
      batch.cellLows[i * batch.stride] = cell.low
      batch.cellHighs[i * batch.stride] = cell.high
    }
    for (i, choice) in shape.choices.enumerated() { batch.picks[i * batch.stride] = Int32(slots[choice.slot]) }
    return logRatios(batch)[0]
  }

  /// Writes a candidate's coordinates.
  func write(_ candidate: Int, of batch: CandidateBatch, into unit: inout [Double]) {
    for (i, coordinate) in shape.continuous.enumerated() {
      unit[coordinate] = batch.points[i * batch.stride + candidate]
    }
    for (i, grid) in shape.grids.enumerated() {
      unit[grid.coordinate] = batch.points[(shape.continuous.count + i) * batch.stride + candidate]
    }
    for (i, choice) in shape.choices.enumerated() {
      unit[choice.coordinate] = (Double(batch.picks[i * batch.stride + candidate]) + 0.5) / Double(choice.count)
    }
  }
}

/// Candidates with their scores, and their order from the best on.
struct RankedCandidates: Sendable {
  var batch: CandidateBatch
  var scores: [Double]
  var order: [Int]

  /// Whether the densities could be computed.
  var isSound: Bool { scores.allSatisfy(\.isFinite) }
}
