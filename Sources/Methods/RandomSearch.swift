import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

/// Independent draws from the space's scales and priors.
///
/// Source: Bergstra & Bengio, "Random search for hyper-parameter optimization", JMLR 13, 2012. Trial `i` depends on the
/// study's seed and `i` alone, except where a draw was tried before (see `FreshDraw`).
public struct RandomSearch: Sampler {
  static let purpose = stableHash("random")

  public init() {}

  public mutating func absorb(_ event: Event, state: StudyState) {}

  public func sample(trial: TrialNumber, target: Double?, state: StudyState) throws(SpaceError) -> Sample {
    try FreshDraw(purpose: Self.purpose, trial: trial, state: state).sample(origin: .design)
  }

  public func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    Explanation(
      [Fact("method", "random search: what other trials gave plays no part")],
      neighbours: Self.neighbours(of: configuration, before: trial, state: state))
  }
}

extension RandomSearch {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "random", title: "Random search",
    summary: "Draws every configuration independently, in the sense of the space's scales and priors.",
    paper: .init(
      authors: "J. Bergstra, Y. Bengio", title: "Random search for hyper-parameter optimization", year: 2012,
      venue: "Journal of Machine Learning Research 13"),
    takes: Set(CatalogueEntry.Ability.allCases), needsFidelity: false, options: [], takesOutcomeConstraints: true)
}
