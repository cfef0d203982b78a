import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// How proposals of a Gaussian process keep away from trials that are pending.
enum PendingRule: String, Sendable, CaseIterable {
  /// Outcomes are drawn from the model, and the acquisition is averaged over the draws. For the expected improvement this is
  /// the joint one of the pending trials and the new one, but for a constant.
  case fantasies
  /// The expected outcomes are taken for true.
  case believer
  /// See `LocalPenalty`.
  case penalise
}

/// What the sampler maximises.
extension GaussianProcessSampler {
  static let acquisitionNames = [
    (name: "adaptive", title: "adaptive"), (name: "logei", title: "logarithm of the expected improvement"),
    (name: "nei", title: "noisy expected improvement"), (name: "ucb", title: "upper confidence bound"),
    (name: "ucb-pe", title: "upper confidence bound, and pure exploration beside pending trials"),
    (name: "pi", title: "probability of improvement"), (name: "thompson", title: "a function drawn from the model"),
    (name: "kg", title: "knowledge gradient"),
  ]

  static func title(of acquisition: String) -> String {
    acquisitionNames.first { $0.name == acquisition }?.title ?? acquisition
  }

  /// Acquisitions that have their own way with pending trials.
  private static let selfReliant: Set<String> = ["nei", "ucb-pe", "thompson"]

  /// Options that do not go together.
  @Sendable static func inspect(_ spec: StudySpec) -> [MethodProblem] {
    let part = spec.method.sampler
    let problems = beliefProblems(spec)
    guard problems.isEmpty else { return problems }
    let acquisition = entry.word("acquisition", in: part)
    if acquisition == "nei" || acquisition == "kg", !spec.outcomeConstraints.isEmpty {
      return [
        MethodProblem(
          ["method", "sampler", "acquisition"],
          "\(acquisition) does not tell trials that meet the outcome constraints from others",
          hint: "use logei, or leave acquisition out")
      ]
    }
    guard let given = part.options["pending"], given != .text("fantasies"), selfReliant.contains(acquisition) else {
      return []
    }
    return [
      MethodProblem(
        ["method", "sampler", "pending"], "\(acquisition) has its own way with pending trials",
        hint: "leave pending out, or use another acquisition")
    ]
  }

  /// A belief that good configurations lie near the defaults, where there are none.
  @Sendable static func beliefProblems(_ spec: StudySpec) -> [MethodProblem] {
    // A space that grows gets its defaults later.
    guard (spec.method.sampler.options["confidence"]?.number ?? 0) > 0, !spec.grows,
      spec.space.parameters.allSatisfy({ $0.defaultValue == nil })
    else { return [] }
    return [
      MethodProblem(
        ["method", "sampler", "confidence"],
        "confidence is in the parameters' defaults, and no parameter of the space has one",
        hint: "add default: … to the parameters of which you know a good value, or leave confidence out")
    ]
  }

  /// The acquisition function with all that weighs in it: failures, and what a person believes.
  /// - Parameter models: one for each set of kernel parameters; the function is the mean over them, and a drawn function is
  ///   of one of them.
  mutating func wholeFunction(
    _ models: [GaussianProcess], _ trial: TrialNumber, _ state: StudyState
  ) -> (any Acquisition)? {
    guard let observations else { return nil }
    let base: any Acquisition
    if acquisition == "thompson" || models.count == 1 {
      var stream = RandomStream(seed: state.spec.seed ?? 0, purpose: stableHash("gp member"), index: UInt64(trial))
      guard let one = function(models[stream.index(below: models.count)], trial, state) else { return nil }
      base = one
    } else {
      let all = models.compactMap { function($0, trial, state) }
      guard !all.isEmpty else { return nil }
      // A penalised bound is a logarithm, too.
      let isBound = acquisition == "ucb" && pending != .penalise || acquisition == "ucb-pe"
      base = AveragedAcquisition(all, areLogarithms: !isBound)
    }
    // Bounds and drawn functions are no logarithms of a gain, but of the same order.
    var whole: any Acquisition = base
    if let feasibility = lessons.model(observations, state) {
      whole = FeasibleAcquisition(observations.hasSolution ? whole : nil, feasibility)
    }
    if let prior = ExpertPrior(observations.features, confidence: confidence) {
      let beginning = StartupDesign.count(startup, state.spec)
      let count = max(1, observations.rows.count - beginning + 1)
      whole = BelievedAcquisition(whole, prior, weight: Double(state.spec.budget.trials ?? 100) / 10 / Double(count))
    }
    return whole
  }

  /// What is maximised with this model. Draws of the true values let pending trials come nearer to each other than draws
  /// of their outcomes do, so they are for studies without any.
  func acquisition(of model: GaussianProcess, _ state: StudyState) -> String {
    guard acquisition == "adaptive" else { return acquisition }
    // Draws of the true values at all trials do not tell solutions from others.
    guard state.spec.outcomeConstraints.isEmpty else { return "logei" }
    // Where trials have got parts of a resource there are twice as many values to be drawn.
    let count = model.points.count * (observations?.features.hasResource == true ? 2 : 1)
    let isNoisy = model.parameters.noise > Self.noiseShare && count <= Self.noiseRowLimit
    return isNoisy && state.running.isEmpty && state.queue.isEmpty ? "nei" : "logei"
  }

  /// The probability that configurations are solutions; nil while nothing has failed and there are no outcome constraints.
  mutating func feasibility(_ points: FeaturePoints, _ state: StudyState) -> [Double]? {
    guard let observations else { return nil }
    return lessons.model(observations, state)?.probabilities(points)
  }

  /// The acquisition function beside the pending trials.
  func function(_ model: GaussianProcess, _ trial: TrialNumber, _ state: StudyState) -> (any Acquisition)? {
    guard let observations else { return nil }
    let pendingPoints = observations.pending(state)
    let seed = mix(mix(state.spec.seed ?? 0, Self.purpose), UInt64(trial))
    // What is to be improved on is what the model believes of the best, not the luck of one run.
    let full = observations.features.hasResource ? Self.atWholeResource(model.points) : model.points
    let scores = model.targets
    let solutions = scores.indices.filter { isSolution(row: $0) }
    let leading = (solutions.isEmpty ? Array(scores.indices) : solutions).sorted { (scores[$1], $0) < (scores[$0], $1) }
      .prefix(32)
    guard let threshold = model.predict(full.subset(leading.sorted())).means.max(), threshold.isFinite else {
      return nil
    }
    let name = acquisition(of: model, state)
    switch name {
    case "nei":
      let rivals = observations.features.hasResource ? full : nil
      if let noisy = ModelAcquisition(
        noisy: model, rivals: rivals, pending: pendingPoints, draws: Self.fantasies, seed: seed)
      {
        return noisy
      }
    case "thompson": return PosteriorPath(model, seed: seed)
    case "ucb-pe" where pendingPoints.count > 0 && explores(trial, seed, state):
      return PureExploration(model, observed: full, pending: pendingPoints)
    default: break
    }
    let isPenalised = pending == .penalise && name != "ucb-pe"
    let base = simpleFunction(
      name, model, threshold, isPenalised ? observations.features.empty : pendingPoints, seed, state)
    guard isPenalised else { return base }
    return LocalPenalty(
      base, isLogarithm: name != "ucb", model, best: threshold, pending: pendingPoints,
      sample: scattered(Self.slopePoints, seed, state))
  }

  /// Where the slope of the mean is measured, and where the knowledge gradient looks for the greatest mean.
  static let slopePoints = 500
  static let knowledgePoints = 124

  private func scattered(_ count: Int, _ seed: UInt64, _ state: StudyState) -> FeaturePoints {
    guard let observations else { return FeaturePoints(numberCount: 0, choiceCount: 0) }
    let incumbents = observations.best(Self.incumbents, state)
    var pool = CandidatePool(observations.features, incumbents: incumbents, seed: mix(seed, 1))
    return observations.features.points(pool.scatter(count, spray: 32).map(\.configuration)).points
  }

  private func simpleFunction(
    _ name: String, _ model: GaussianProcess, _ threshold: Double, _ pendingPoints: FeaturePoints, _ seed: UInt64,
    _ state: StudyState
  ) -> any Acquisition {
    switch name {
    case "ucb", "ucb-pe":
      return ModelAcquisition(
        model, .upperBound(multiplier: PureExploration.boundMultiplier), threshold: threshold, pending: pendingPoints,
        draws: 1, seed: seed)
    case "pi":
      return ModelAcquisition(
        model, .logProbability, threshold: threshold, pending: pendingPoints, draws: 1, seed: seed)
    case "kg":
      return KnowledgeGradient(
        model.believing(pendingPoints).process, pool: scattered(Self.knowledgePoints, seed, state), seed: seed)
    default:
      let areDrawn =
        pending == .fantasies && pendingPoints.count <= Self.fantasyPendingLimit
        && model.points.count <= Self.fantasyRowLimit
      return ModelAcquisition(
        model, .logExpectedImprovement, threshold: threshold, pending: pendingPoints,
        draws: areDrawn ? Self.fantasies : 1, seed: seed)
    }
  }

  /// Whether a proposal beside pending trials is to explore: when no trial has ended since the newest of them was proposed,
  /// with two exceptions by chance, as in Vizier.
  private func explores(_ trial: TrialNumber, _ seed: UInt64, _ state: StudyState) -> Bool {
    var stream = RandomStream(seed: seed, purpose: stableHash("exploration"), index: 0)
    let proposed = (state.running + state.queue).map { state.trials[$0].proposedAt }.max() ?? 0
    let ended = state.trials.filter { $0.hasValue && $0.isSettled }.map(\.endedAt).max() ?? 0
    return ended > proposed ? stream.uniform() < 0.1 : stream.uniform() >= 0.25
  }

  /// The resource is the last of the numbers.
  private static func atWholeResource(_ points: FeaturePoints) -> FeaturePoints {
    var result = FeaturePoints(numberCount: points.numberCount, choiceCount: points.choiceCount)
    for i in 0..<points.count {
      var numbers = points.numbers(of: i)
      numbers[numbers.count - 1] = 1
      result.append(numbers, points.choices(of: i))
    }
    return result
  }
}
