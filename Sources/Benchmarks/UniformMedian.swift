import Synchronization
import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// The median score of uniformly drawn configurations: the middle of 10,000 draws, always the same ones.
public enum UniformMedian {
  public static let draws = 10_000

  private static let known = Mutex<[String: Double?]>([:])

  /// The median of a problem's first objective. What has no value counts as worse than everything that has.
  ///
  /// The result is kept as long as the process lives.
  /// - Parameter key: the same for no two problems that differ.
  /// - Returns: Nil when half the configurations have no value, or none satisfies the constraints.
  static func of(_ problem: some Problem, key: String) -> Double? {
    if let median = known.withLock({ $0[key] }) { return median }
    let median = compute(problem, draws: draws)
    known.withLock { $0[key] = .some(median) }
    return median
  }

  /// The same from another number of draws, computed anew.
  static func compute(_ problem: some Problem, draws: Int) -> Double? {
    let sign = problem.objectives[0].sign
    var losses: [Double] = []
    losses.reserveCapacity(draws)
    for index in 0..<draws {
      guard let drawn = try? problem.space.sample(seed: stableHash("uniform median"), index: UInt64(index)) else {
        return nil
      }
      let score = problem.score(drawn).first ?? .nan
      losses.append(score.isNaN ? .infinity : score * sign)
    }
    losses.sort()
    let median = (losses[(draws - 1) / 2] + losses[draws / 2]) / 2
    return median.isFinite ? median * sign : nil
  }
}
