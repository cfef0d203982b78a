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

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    startup = Self.entry.integer("startup", in: part)
    candidates = Self.entry.integer("candidates", in: part)
  }

  // Everything is read from the state.
  public mutating func absorb(_ event: Event, state: StudyState) {}

  /// The better trials and the others by one measure.
  struct Split: Equatable, Sendable {
    var better: [TrialNumber]
    var others: [TrialNumber]

    /// The share of the better ones.
    var share: Double { Double(better.count) / Double(better.count + others.count) }
  }

  /// How many solutions are among the better trials.
  static func betterCount(_ count: Int) -> Int { min(Int((0.25 * Double(count).squareRoot()).rounded(.up)), 25) }

  /// −ln(q + (1 − q) g/l).
  static func score(share: Double, logBetter: Double, logOther: Double) -> Double {
    let a = log(share + 1e-12)
    let b = log(1 - share + 1e-12) + logOther - logBetter
    return -(max(a, b) + log1p(exp(-abs(a - b))))
  }

  /// By the objective.
  static func split(_ ranked: [TrialNumber], isSolution: (TrialNumber) -> Bool) -> Split {
    let wanted = betterCount(ranked.count)
    var solutions = 0
    var end = 0
    while end < ranked.count, solutions < wanted {
      if isSolution(ranked[end]) { solutions += 1 }
      end += 1
    }
    return Split(better: Array(ranked[..<end]), others: Array(ranked[end...]))
  }

  /// By the excesses over one bound.
  static func split(_ excesses: [(trial: TrialNumber, excess: Double)]) -> Split {
    let nearest = excesses.min { ($0.excess, $0.trial) < ($1.excess, $1.trial) }?.trial
    var split = Split(better: [], others: [])
    for (trial, excess) in excesses {
      if excess <= 0 || trial == nearest { split.better.append(trial) } else { split.others.append(trial) }
    }
    return split
  }

  /// The pairs of sets of a study as it is: the objective's first.
  static func splits(_ state: StudyState) -> [Split] {
    let finished = state.trials.indices.filter {
      state.trials[$0].isSettled && state.trials[$0].state != .failed && state.trials[$0].hasValue
    }
    let ranked = finished.map { trial in
      TrialRank(
        isComplete: state.trials[trial].state == .completed, resource: state.trials[trial].resource,
        loss: state.loss(trial), trial: trial)
    }.sorted().map(\.trial)
    let objective = split(ranked, isSolution: state.meetsConstraints)
    return [objective]
      + state.spec.outcomeConstraints.map { constraint in
        split(
          finished.compactMap { trial in
            state.excess(trial, over: constraint).map { (trial: trial, excess: $0) }
          })
      }
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
    let space = state.spec.space
    let columns = VaryingCoordinates(space)
    let splits = Self.splits(state)
    guard !columns.coordinates.isEmpty, splits[0].better.count + splits[0].others.count >= startup else {
      return try fresh.sample(origin: .design)
    }
    var stream = RandomStream(seed: state.spec.seed ?? 0, purpose: Self.purpose, index: UInt64(trial))
    let pairs = pairs(splits, columns, state, &stream)
    var ranked: [(configuration: Configuration, score: Double)] = []
    for pair in pairs {
      for _ in 0..<candidates {
        let point = pair.better.draw(&stream)
        let configuration = space.configuration(unit: columns.unit(of: point, in: space))
        guard space.violatedConstraint(configuration) == nil else { continue }
        ranked.append((configuration, pairs.reduce(0) { $0 + $1.score(point) }))
      }
    }
    guard ranked.allSatisfy(\.score.isFinite) else { return try fresh.sample(origin: .fallback) }
    let order = ranked.indices.sorted { (-ranked[$0].score, $0) < (-ranked[$1].score, $1) }
    return try fresh.propose(order.map { ranked[$0].configuration }.filter { !state.history.contains($0) })
  }

  private func pairs(
    _ splits: [Split], _ columns: VaryingCoordinates, _ state: StudyState, _ stream: inout RandomStream
  ) -> [Pair] {
    let space = state.spec.space
    let cells = columns.coordinates.map { coordinate in
      space.parameters[space.coordinates[coordinate].parameter].domain.cardinality.map { 1 / Double($0) } ?? 0
    }
    let pending = (state.running + state.queue).sorted()
    var pairs: [Pair] = []
    for (i, split) in splits.enumerated() where !split.better.isEmpty {
      func density(_ trials: [TrialNumber]) -> ScottDensity {
        ScottDensity(
          kinds: columns.kinds, points: columns.points(of: trials, state.history, &stream), cells: cells)
      }
      pairs.append(
        Pair(
          share: split.share, better: density(split.better), others: density(split.others + (i == 0 ? pending : []))))
    }
    return pairs
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
      MethodOption(
        name: "startup", kind: .integer(1...1_000_000), defaultValue: .integer(10),
        meaning: "the number of trials with a value before the model is used; until then configurations are random"),
      MethodOption(
        name: "candidates", kind: .integer(1...10_000), defaultValue: .integer(24),
        meaning: "the number of candidates that are drawn for the objective, and for each outcome constraint"),
    ], takesOutcomeConstraints: true)
}
