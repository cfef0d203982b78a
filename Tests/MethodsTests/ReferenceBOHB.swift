import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

@testable import TrimtabMethods

/// BOHB's proposals as the paper has them, with nothing kept from one to the next.
struct ReferenceBOHB {
  var results = ResultsByLevel()

  /// Nil where there is no model. Spaces without constraints, and candidates that may have been tried before.
  func proposal(trial: TrialNumber, state: StudyState) -> Configuration? {
    let columns = VaryingCoordinates(state.spec.space)
    let least = columns.coordinates.count + 1
    var stream = RandomStream(seed: state.spec.seed ?? 0, purpose: stableHash("bohb"), index: UInt64(trial))
    _ = stream.uniform()
    for (_, level) in results.descending where level.count >= least + 2 {
      let goodCount = max(least, Int(0.15 * Double(level.count)))
      let badCount = min(level.count, max(least, level.count - goodCount))
      guard level[goodCount - 1].loss.isFinite else { continue }
      func density(_ ranks: Range<Int>) -> NormalReferenceKDE {
        NormalReferenceKDE(
          kinds: columns.kinds, points: columns.points(of: ranks.map { level[$0].trial }, state.history, &stream))
      }
      let good = density(0..<goodCount)
      let bad = density(level.count - badCount..<level.count)
      var best: (point: [Double], ratio: Double)?
      for _ in 0..<64 {
        let point = good.draw(near: stream.index(below: goodCount), factor: 3, &stream)
        let ratio = Self.logDensity(good, point) - Self.logDensity(bad, point)
        if best.map({ ratio > $0.ratio }) ?? true { best = (point, ratio) }
      }
      return best.map { state.spec.space.configuration(unit: columns.unit(of: $0.point, in: state.spec.space)) }
    }
    return nil
  }

  /// The density term by term, as the formula has it.
  static func logDensity(_ density: NormalReferenceKDE, _ point: [Double]) -> Double {
    let terms = (0..<density.count).map { row in
      density.kinds.indices.reduce(0.0) { sum, column in
        let (held, bandwidth) = (density.columns[column][row], density.bandwidths[column])
        switch density.kinds[column] {
        case .unit:
          return sum + NormalDistribution.logPDF((point[column] - held) / bandwidth) - logarithm(bandwidth)
        case .choice(let count):
          return sum + logarithm(held == point[column] ? 1 - bandwidth : bandwidth / Double(count - 1))
        }
      }
    }
    return logSumExp(terms) - logarithm(Double(density.count))
  }
}
