import TrimtabNumerics
import TrimtabStudies
import TrimtabSurrogates

/// How far each level of the resource is to be trusted, kept for questions about the same observations.
struct LevelTrust: Sendable {
  static let purpose = stableHash("level trust")

  /// How many losses a level needs to count.
  static let least = 6

  private var cache: (rows: Int, version: KernelParameters, found: (shares: [Double], top: Int)?)?

  /// One share a level, of sum 1, and the greatest level that is known well enough; nil while fewer than two are.
  mutating func shares(_ model: inout LevelModel, seed: UInt64) -> (shares: [Double], top: Int)? {
    guard let process = model.process(), let observations = model.observations else { return nil }
    if let cache, cache.rows == observations.rows.count, cache.version == process.parameters { return cache.found }
    let found = LevelRanking.shares(
      process, least: Self.least, seed: mix(mix(seed, Self.purpose), UInt64(observations.rows.count)))
    cache = (observations.rows.count, process.parameters, found)
    return found
  }

  /// How often each of some brackets is drawn, where bracket s begins at level s: by share over resource among the levels up
  /// to the greatest that is known, which have together what they have by `usual`; the others as usual.
  ///
  /// Source: Li et al., "Hyper-Tune", VLDB 2022, arXiv 2201.06834, section 4.2.
  static func weights(_ shares: [Double], top: Int, levels: [Double], usual: [Double]) -> [Double] {
    let known = min(top + 1, usual.count)
    let learned = (0..<known).map { shares[$0] / levels[$0] }
    let sum = learned.reduce(0, +)
    // All trust is in levels without a bracket.
    guard sum > 0 else { return usual.indices.map { $0 == 0 ? 1 : 0 } }
    let mass = usual.prefix(known).reduce(0, +)
    return learned.map { $0 / sum * mass } + usual.dropFirst(known)
  }
}
