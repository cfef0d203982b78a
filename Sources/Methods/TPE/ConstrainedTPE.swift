import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// c-TPE: the tree-structured Parzen estimator where trials report metrics that must keep within bounds.
///
/// For the objective and for each outcome constraint there is a pair of joint densities, of the better trials and of the
/// others: of a constraint, those that meet it and the one that comes nearest; of the objective, the shortest prefix of all
/// trials by loss that holds ⌈√n/4⌉ solutions, at most 25. With q the share of the better ones, a candidate's score is
/// the sum of −ln(q + (1 − q) g/l) over the pairs, so that a constraint that everything meets counts nothing, and one
/// that nothing meets most. 24 candidates are drawn from each pair's better density.
///
/// Source: Watanabe & Hutter, "c-TPE: tree-structured Parzen estimator with inequality constraints for expensive
/// hyperparameter optimization", IJCAI 2023, arXiv 2211.14411. Trials that are pending count among the others of the objective,
/// and failed ones nowhere; a coordinate that is not active in a trial takes the value of another trial of its set.
public struct ConstrainedTPE: Sampler {
  static let purpose = stableHash("c-tpe")

  let startup: Int
  let candidates: Int
  private var sets: ConstrainedSets?

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    startup = Self.entry.integer("startup", in: part)
    candidates = Self.entry.integer("candidates", in: part)
  }

  public mutating func absorb(_ event: Event, state: StudyState) {
    guard sets != nil else {
      sets = ConstrainedSets(state)
      return
    }
    switch event.body {
    case .studyAmended: sets = ConstrainedSets(state)
    case .trialConfigured(let trial, _): sets?.update(trial, state, isMoved: true)
    default: if let trial = event.trial { sets?.update(trial, state) }
    }
  }

  /// −ln(q + (1 − q) g/l).
  static func score(share: Double, logBetter: Double, logOther: Double) -> Double {
    let a = log(share + 1e-12)
    let b = log(1 - share + 1e-12) + logOther - logBetter
    return -(max(a, b) + log1p(exp(-abs(a - b))))
  }

  /// The densities of one measure.
  private struct Pair {
    var share: Double
    var better: ScottDensity
    var others: ScottDensity

    func score(_ point: [Double]) -> Double {
      ConstrainedTPE.score(
        share: share, logBetter: better.logDensity(point), logOther: others.logDensity(point))
    }
  }

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    let fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    let sets = self.sets ?? ConstrainedSets(state)
    self.sets = sets
    guard !sets.columns.coordinates.isEmpty, sets.objective.ranked.count >= startup else {
      return try fresh.sample(origin: .design)
    }
    let ranked = candidates(trial, sets, state)
    guard ranked.allSatisfy(\.score.isFinite) else { return try fresh.sample(origin: .fallback) }
    return try fresh.propose(ranked.map(\.configuration).filter { !state.history.contains($0) })
  }

  /// Configurations drawn from each pair's better density, best first.
  private func candidates(
    _ trial: TrialNumber, _ sets: ConstrainedSets, _ state: StudyState
  ) -> [(configuration: Configuration, score: Double)] {
    let space = state.spec.space
    let columns = sets.columns
    var stream = RandomStream(seed: state.spec.seed ?? 0, purpose: Self.purpose, index: UInt64(trial))
    let pairs = pairs(sets, state, &stream)
    var ranked: [(configuration: Configuration, score: Double)] = []
    for pair in pairs {
      for _ in 0..<candidates {
        let point = pair.better.draw(&stream)
        let configuration = space.configuration(unit: columns.unit(of: point, in: space))
        guard space.violatedConstraint(configuration) == nil else { continue }
        ranked.append((configuration, pairs.reduce(0) { $0 + $1.score(point) }))
      }
    }
    return ranked.indices.sorted { (-ranked[$0].score, $0) < (-ranked[$1].score, $1) }.map { ranked[$0] }
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    let method = Fact("method", "Parzen estimators of the objective and of each outcome constraint")
    let sets = self.sets ?? ConstrainedSets(state)
    self.sets = sets
    let known = sets.objective.ranked.count
    guard !sets.columns.coordinates.isEmpty, known >= startup else {
      let step = Fact("step", "random, before the model: \(known) of \(startup) trials have a value")
      return Explanation([method, step], neighbours: nearest)
    }
    let score = candidates(trial, sets, state).first { $0.configuration == configuration }?.score
    return Explanation(
      [
        method, Fact("better trials", "\(sets.objective.betterCount) of \(known)"),
        Fact(
          "shares of the better ones", sets.pairs.indices.map { Fact.rounded(sets.share($0)) }.joined(separator: ", ")),
        .acquisition(score),
      ], neighbours: nearest)
  }

  private func pairs(_ sets: ConstrainedSets, _ state: StudyState, _ stream: inout RandomStream) -> [Pair] {
    let columns = sets.columns
    let space = state.spec.space
    let cells = columns.coordinates.map { coordinate in
      let domain = space.parameters[space.coordinates[coordinate].parameter].domain
      // Each coordinate of an order is the place of one item.
      if case .permutation(let items) = domain { return 1 / Double(items.count) }
      return domain.cardinality.map { 1 / Double($0) } ?? 0
    }
    func density(_ set: ScottMembers) -> ScottDensity {
      guard set.members.missingCount > 0 else { return ScottDensity(set, cells: cells) }
      // What is not active takes other values each time, so the density is made anew.
      let points = columns.points(of: Array(set.members.trials), state.history, &stream)
      return ScottDensity(kinds: columns.kinds, points: points, cells: cells)
    }
    return sets.pairs.indices.filter { sets.pairs[$0].better.members.count > 0 }.map { i in
      Pair(share: sets.share(i), better: density(sets.pairs[i].better), others: density(sets.pairs[i].others))
    }
  }
}

extension ConstrainedTPE {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "c-tpe", title: "Parzen estimators with outcome constraints (c-TPE)",
    summary: "Learns where the objective is good and where reported metrics keep within their bounds.",
    paper: .init(
      authors: "S. Watanabe, F. Hutter",
      title:
        "c-TPE: tree-structured Parzen estimator with inequality constraints for expensive hyperparameter optimization",
      year: 2023, venue: "IJCAI, arXiv 2211.14411"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      TPE.startupOption,
      MethodOption(
        name: "candidates", kind: .integer(1...10_000), defaultValue: .integer(24),
        meaning: "the number of candidates that are drawn for the objective, and for each outcome constraint"),
    ], takesOutcomeConstraints: true)
}
