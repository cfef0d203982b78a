import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// CARBS: begins cheap, and follows the front of what configurations give for what they cost to where they cost more, so that
/// parameters of size are tuned with all others.
///
/// Source: Fetterman, Kitanidis, Albrecht, Polizzi, Fogelman, Knutins, Wróblewski, Simon & Qiu, "Tune as you scale:
/// hyperparameter optimization for compute efficient training", arXiv 2306.08055, 2023; constants that the paper leaves open
/// are those of the authors' program. Candidates are normal steps from the front; the one is proposed of which the improvement
/// on the front at its cost, the nearness to the front and the probability of a value have the greatest product.
///
/// Deviations: see its page. Costs are those of the study: the metric that its `cost` names, or seconds.
public struct CARBS: ObservingSampler {
  static let purpose = stableHash("carbs")
  /// Candidates for each parameter, and the most of them.
  static let candidatesEach = 100
  static let mostCandidates = 5000
  /// Steps that are drawn for each candidate before constraints leave too few of them.
  static let roundsEach = 32
  static let usualRadius = 0.3

  let startup: Int
  let radius: Double
  let span: Double
  let every: Int
  let share: Double
  let bias: Double
  /// 0 for none.
  let mostCost: Double
  private let candidates: Int
  var observations: Observations?
  var lessons = FailureLessons()

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    startup = Self.entry.integer("startup", in: part)
    radius = Self.entry.real("radius", in: part)
    span = Self.entry.real("span", in: part)
    every = Self.entry.integer("resample", in: part)
    share = Self.entry.real("cheap-share", in: part)
    bias = Self.entry.real("bias", in: part)
    mostCost = Self.entry.real("max-cost", in: part)
    candidates = Self.entry.integer("candidates", in: part)
  }

  func basicSpace(_ state: StudyState) -> BasicSpace { BasicSpace(state.spec.space, span: span, radius: radius) }

  /// Steps from the centre.
  func design(_ observations: Observations, _ fresh: FreshDraw) throws(SpaceError) -> Sample {
    let found = steps(from: [], basicSpace(fresh.state), count: Self.roundsEach, fresh.state, seed: fresh.trialSeed)
    return try fresh.propose(found.map(\.configuration).filter { !fresh.state.history.contains($0) }, origin: .design)
  }

  var repeats: Bool { true }

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    let state = fresh.state
    let basic = basicSpace(state)
    let data = CARBSData(observations, basic, state)
    if let again = repetition(data, state) { return .again(again) }
    guard let model = model(data, basic, fresh.trial, state) else {
      let front = CostFront.front(data.groups, share: share, isConservative: true)
      let origins = front.map { data.rows[$0.members[0]].point }
      let found = steps(from: origins, basic, count: Self.roundsEach, state, seed: fresh.trialSeed)
      return .fallback(found.map(\.configuration))
    }
    let found = steps(from: model.origins, basic, count: count(basic), state, seed: fresh.trialSeed)
    let judged = judge(found, model, observations, fresh.trial, state)
    let affordable = judged.filter { mostCost == 0 || $0.judgement.logCost < logarithm(mostCost) }
    // Where nothing is cheap enough, what is cheapest is nearest to that.
    let best =
      affordable.isEmpty
      ? judged.sorted { $0.judgement.logCost < $1.judgement.logCost } : affordable.sorted { $0.value > $1.value }
    return .best(
      best.map { found[$0.place].configuration },
      isWeakened: data.leftOut > 0 || (affordable.isEmpty && !judged.isEmpty))
  }

  // MARK: Parts

  private func count(_ basic: BasicSpace) -> Int {
    candidates > 0 ? candidates : min(Self.mostCandidates, Self.candidatesEach * max(1, basic.axes.count))
  }

  /// The models beside the trials that are pending for trial number `trial`.
  func model(_ data: CARBSData, _ basic: BasicSpace, _ trial: TrialNumber, _ state: StudyState) -> CARBSModel? {
    var stream = RandomStream(
      seed: mix(state.spec.seed ?? 0, Self.purpose), purpose: stableHash("pending"), index: UInt64(trial))
    let pending = (state.running + state.queue).sorted().compactMap { basic.point(state.history.filled($0)) }
    return CARBSModel(data, basic, radius: radius, share: share, pending: pending, &stream)
  }

  /// What has to be exceeded wherever a configuration lies: what the front gives at a cost between its ends, of which the
  /// logarithm is uniform. So cheap configurations that are good for their cost do not keep the search.
  func threshold(_ model: CARBSModel, _ trial: TrialNumber, _ state: StudyState) -> (logCost: Double, output: Double) {
    var stream = RandomStream(
      seed: mix(state.spec.seed ?? 0, Self.purpose), purpose: stableHash("threshold"), index: UInt64(trial))
    let low = logarithm(model.front[0].cost)
    var high = logarithm(model.front[model.front.count - 1].cost)
    if mostCost > 0 { high = min(high, logarithm(mostCost)) }
    let logCost = low + stream.uniform() * (max(high, low) - low)
    return (logCost, model.frontOutput([logCost]).first ?? 0)
  }

  struct Judged {
    /// Among the candidates.
    var place: Int
    var judgement: CARBSModel.Judgement
    /// ln of the product.
    var value: Double
    /// ln of the probability of a value, to the power that failures have; 0 without any.
    var feasible: Double
  }

  /// The candidates with what is said of them.
  func judge(
    _ found: [(configuration: Configuration, point: [Double])], _ model: CARBSModel, _ observations: Observations,
    _ trial: TrialNumber, _ state: StudyState
  ) -> [Judged] {
    let judgements = model.judge(found.map(\.point), threshold: threshold(model, trial, state).output, bias: bias)
    let feasible = feasibility(found.map(\.point), observations, model.basic, state)
    return judgements.enumerated().compactMap { i, judgement in
      let value = judgement.improvement + judgement.nearness + feasible[i]
      return value.isNaN ? nil : Judged(place: i, judgement: judgement, value: value, feasible: feasible[i])
    }
  }

  /// ln of the weighed probability of a value; 0 without failures, and where it cannot be told.
  ///
  /// In basic units, in which the prior of the length scales suits steps of the search, however wide the bounds are.
  private func feasibility(
    _ points: [[Double]], _ observations: Observations, _ basic: BasicSpace, _ state: StudyState
  ) -> [Double] {
    let none = [Double](repeating: 0, count: points.count)
    let failed = state.trials.indices.filter { FailureLessons.teaches(state.trials[$0]) }
    guard !failed.isEmpty, !observations.rows.isEmpty else { return none }
    // The newest half at most may be failures: of these there can be any number.
    let most = max(FeasibilityModel.limit / 2, FeasibilityModel.limit - observations.rows.count)
    let bad = failed.suffix(most)
    let good = observations.rows.suffix(FeasibilityModel.limit - bad.count).map(\.trial)
    let known = (good.map { ($0, true) } + bad.map { ($0, false) }).compactMap { trial, succeeds in
      basic.point(state.history.filled(trial)).map { (point: $0, succeeds: succeeds) }
    }
    func features(_ points: [[Double]]) -> FeaturePoints {
      var result = FeaturePoints(numberCount: basic.axes.count, choiceCount: 0)
      let scale = Self.usualRadius / radius
      for point in points { result.append(point.map { $0 * scale }, []) }
      return result
    }
    guard
      let model = FeasibilityModel(
        features(known.map(\.point)), succeeds: known.map(\.succeeds), by: lessons.inference)
    else { return none }
    let weight = FailureLessons.weight(state)
    return model.logProbabilities(features(points)).map { weight * $0 }
  }

  /// The configuration that is to be tried again: of those on the plain front the one with the fewest trials, pending ones
  /// included; the cheapest of several. Nil when none is due.
  func repetition(_ data: CARBSData, _ state: StudyState) -> Configuration? {
    let repeated = state.history.rowCount - state.history.distinctCount
    guard every > 0, data.rows.count > every * (repeated + 1) else { return nil }
    var pending: [Configuration: Int] = [:]
    for trial in state.running + state.queue { pending[state.history.filled(trial), default: 0] += 1 }
    let front = CostFront.front(data.groups, share: share, isConservative: false)
    let known = front.map { group in state.history.filled(data.rows[group.members[0]].trial) }
    // Amended bounds and constraints may have put it out of the space; what was fixed differs, too.
    let possible = front.indices.filter {
      state.spec.space.contains(known[$0]) && state.spec.space.isAsFixed(known[$0])
    }
    let counts = possible.map { front[$0].count + pending[known[$0], default: 0] }
    return counts.min().flatMap { least in counts.firstIndex(of: least).map { known[possible[$0]] } }
  }

  // MARK: Steps

  /// Configurations a step away from origins that are chosen uniformly, all constraints satisfied: fewer than asked for where
  /// constraints leave few.
  /// - Parameter origins: the centre where there is none.
  private func steps(
    from origins: [[Double]], _ basic: BasicSpace, count: Int, _ state: StudyState, seed: UInt64
  ) -> [(configuration: Configuration, point: [Double])] {
    var stream = RandomStream(seed: seed, purpose: stableHash("steps"), index: 0)
    var found: [(configuration: Configuration, point: [Double])] = []
    found.reserveCapacity(count)
    let centre = [Double](repeating: 0, count: basic.axes.count)
    for _ in 0..<(Self.roundsEach * count) where found.count < count {
      let start = origins.isEmpty ? centre : origins[stream.index(below: origins.count)]
      let configuration = basic.step(from: start, radius: radius, &stream)
      guard basic.space.violatedConstraint(configuration) == nil, let point = basic.point(configuration) else {
        continue
      }
      found.append((configuration, point))
    }
    return found
  }
}

extension CARBS {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "carbs", title: "Cost-aware search about the front (CARBS)",
    summary:
      "Begins cheap and follows the front of value against cost upwards: for a sweep over scales, without bounds to guess.",
    paper: .init(
      authors:
        "A. J. Fetterman, E. Kitanidis, J. Albrecht, Z. Polizzi, B. Fogelman, M. Knutins, B. Wróblewski, J. B. Simon, "
        + "K. Qiu",
      title: "Tune as you scale: hyperparameter optimization for compute efficient training", year: 2023,
      venue: "arXiv 2306.08055"),
    takes: [.float, .integer, .constraints, .parallel, .noise], needsFidelity: false,
    options: [
      MethodOption(
        name: "startup", kind: .integer(1...1_000_000), defaultValue: .integer(4),
        meaning: "the number of trials with a value before the model is used; until then it steps from the centre"),
      MethodOption(
        name: "radius", kind: .real(0.001...100), defaultValue: .real(usualRadius),
        meaning: "the deviation of a step, in decades of a logarithmic scale"),
      MethodOption(
        name: "span", kind: .real(0.01...1000), defaultValue: .real(2),
        meaning: "what the whole range of a linear scale counts for, in the unit of a decade"),
      MethodOption(
        name: "resample", kind: .integer(0...1_000_000), defaultValue: .integer(5),
        meaning: "after so many trials with a value one of the front is repeated; 0 for never"),
      MethodOption(
        name: "cheap-share", kind: .real(0...1), defaultValue: .real(0.2),
        meaning: "the front begins with the best of the trials that cost no more than this quantile of all costs"),
      MethodOption(
        name: "bias", kind: .real(0...10), defaultValue: .real(1),
        meaning: "by how much the front has to be exceeded, in standard deviations of the values; more explores more"),
      MethodOption(
        name: "max-cost", kind: .real(0...1e300), defaultValue: .integer(0),
        meaning: "trials are not to be expected to cost as much; 0 for no limit"),
      MethodOption(
        name: "candidates", kind: .integer(0...100_000), defaultValue: .integer(0),
        meaning: "the number of steps among which one is proposed; 0 for 100 a parameter, at most 5000"),
    ],
    inspect: { spec in
      guard spec.method.scheduler.name != "full" else { return [] }
      return [
        MethodProblem(
          ["method", "scheduler"],
          "carbs learns what a whole trial costs, and \(spec.method.scheduler.name) cuts trials short",
          hint: "use scheduler: full, and make what trials cost by, such as the number of epochs, a parameter")
      ]
    })
}
