import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// ABLR: a network learns, from the earlier studies and this one, features of which each study is a linear function.
///
/// Source: Perrone, Jenatton, Seeger & Archambeau, "Scalable hyperparameter transfer learning", NeurIPS 2018 (see
/// `SharedFeatures`). The configuration of the greatest expected improvement by this study's head is proposed.
///
/// The network is trained on the earlier studies before the first proposal. From sixteen trials with a value on it is trained
/// again, with this study among the tasks, whenever they have doubled (the anchors of `FitSchedule`); so a process that has
/// just read the log trains twice, whatever the length of the study. This study's head is made anew, in closed form, for
/// every proposal.
///
/// Deviations: while fewer than four trials have a value the heads of the earlier studies stand for this one's, with equal
/// weights, and proposals keep apart. Afterwards, unless the features of the earlier studies have a much greater evidence of this
/// study's trials than the Gaussian process of `gp`, the process proposes, so that unlike studies do less harm. The
/// precisions of this study's head have a prior about the mean of the earlier ones', since a few trials say nothing of them.
/// What is pending counts as having the value that is expected.
public struct SharedFeatureSampler: ModelSampler {
  static let purpose = stableHash("ablr")
  /// The most trials that the network is trained on: an equal share of each study.
  static let rowLimit = 2000
  /// How many more evaluations a training with this study may take, as a share of those before it.
  static let furtherShare = 0.5
  /// How many trials have a value before this study has a head, and before the network is trained on them, too.
  static let leastToFit = 4
  static let leastToTrain = 16
  /// By how much the log evidence of the earlier studies' features must be greater than that of a Gaussian process: strong
  /// evidence. Source: Kass & Raftery, "Bayes factors", J. American Statistical Association 90, 1995.
  static let strongEvidence = 3.0
  /// How far proposals keep from what was tried while there is no head, as a share of the cube's diagonal, and later from what
  /// is pending.
  static let firstDistance = 0.15
  static let distance = 1e-3
  static let incumbents = 4

  private let candidates: Int
  private let starts: Int
  private let options: SharedFeatures.Options
  private var process: GaussianProcessSampler
  private var observations: Observations?
  var lessons = FailureLessons()
  private var schedule = FitSchedule()
  private var earlier: Earlier?
  /// The features since an anchor, by its number of trials.
  private var latest: (count: Int, features: SharedFeatures)?

  private struct Earlier: Sendable {
    /// The revision of the space for which it was made.
    var revision: Int
    var names: [String]
    var tasks: [SharedFeatures.Task]
    var features: SharedFeatures
  }

  /// What is known at one proposal.
  private struct Model {
    var function: any Acquisition
    var source: Source
    /// This study's; nil while there are too few trials.
    var head: LinearHead?
    var precisions: [LinearHead.Precisions]
    var isWeakened: Bool
  }

  /// By what a configuration is proposed.
  private enum Source: String {
    case earlier = "by the earlier studies alone: too few trials have a value"
    case own = "by this study's linear head"
    case process =
      "by a Gaussian process of this study alone: it explains the trials better than the earlier studies' features"
  }

  /// - Parameter part: the sampler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    candidates = Self.entry.integer("candidates", in: part)
    starts = Self.entry.integer("starts", in: part)
    var options = SharedFeatures.Options()
    options.width = Self.entry.integer("width", in: part)
    options.evaluations = Self.entry.integer("steps", in: part)
    self.options = options
    process = GaussianProcessSampler(
      PartSpec("gp", options: ["startup": .integer(Self.leastToFit), "transform": .text("winsorized")]))
  }

  var startup: Int { 0 }

  /// The earlier studies' heads need no trials.
  func isReady(_ observations: Observations, _ state: StudyState) -> Bool { true }

  // MARK: Absorbing

  public mutating func absorb(_ event: Event, state: StudyState) {
    process.absorb(event, state: state)
    guard var updated = observations.take() else {
      prepare(state)
      return
    }
    switch updated.change(event, state) {
    case .anew:
      prepare(state)
      return
    case .trial(let trial):
      let isRewritten = updated.update(trial, state)
      schedule.note(updated, least: Self.leastToTrain, isRewritten: isRewritten)
    case nil: break
    }
    observations = updated
  }

  @discardableResult
  private mutating func prepare(_ state: StudyState) -> Observations {
    let fresh = Observations(state)
    observations = fresh
    schedule = FitSchedule()
    earlier = nil
    latest = nil
    schedule.note(fresh, least: Self.leastToTrain, isRewritten: true)
    return fresh
  }

  mutating func observed(_ state: StudyState) -> Observations { observations ?? prepare(state) }

  // MARK: Sampling

  mutating func ranking(_ observations: Observations, _ fresh: FreshDraw) -> ModelRanking {
    let state = fresh.state
    guard let model = model(observations, state) else { return .none }
    var incumbents = observations.best(Self.incumbents, state)
    let sign = state.spec.objectives[0].sign
    incumbents += state.earlierStudies.compactMap { study in
      study.trials.min { sign * $0.value < sign * $1.value }?.configuration
    }.prefix(Self.incumbents)
    let settings = MixedSearch.Settings(candidates: candidates, starts: starts)
    var others = observations.pending(state)
    var distance = Self.distance
    if model.source == .earlier {
      for row in observations.rows.indices { others.append(row, of: observations.points) }
      distance = Self.firstDistance
    }
    distance *= Double(others.numberCount + others.choiceCount).squareRoot()
    let apart = KeptApart(model.function, from: others, distance: distance)
    var found = search(apart, observations, fresh, around: incumbents, settings)
    // In a small space there may be nothing so far away.
    if found.isEmpty { found = search(model.function, observations, fresh, around: incumbents, settings) }
    return .best(found, isWeakened: model.isWeakened)
  }

  private mutating func model(_ observations: Observations, _ state: StudyState) -> Model? {
    guard let earlier = trained(observations, state) else { return nil }
    guard observations.rows.count >= Self.leastToFit else { return beginning(earlier, observations, state) }
    let features = features(earlier)
    let losses = observations.rows.map(\.loss)
    let chosen = GPSelection.choose(losses, limit: Self.rowLimit)
    let tried = observations.points.subset(chosen)
    let task = Self.task(tried, chosen.map { losses[$0] })
    let pending = observations.pending(state)
    let head = features.head(task)
    // Only features that have not seen these trials can be asked whether they explain them.
    let evidence = earlier.features.head(task)?.logEvidence ?? -.infinity
    if let own = process.models(observations, state)?.first,
      head == nil || own.logMarginalLikelihood > evidence - Self.strongEvidence
    {
      var function = EnsembleImprovement([.init(own.believing(pending).process, weight: 1)], threshold: 0)
      if let best = function.predict(tried).means.max(), best.isFinite { function.threshold = best }
      return Model(
        function: function, source: .process, head: head, precisions: features.precisions,
        isWeakened: head == nil || process.isWeakened)
    }
    guard let head else { return nil }
    var function = HeadImprovement(
      features, [.init(head.believing(features.features(pending)), weight: 1)], threshold: 0)
    if let best = function.predict(tried).means.max(), best.isFinite { function.threshold = best }
    return Model(
      function: function, source: .own, head: head, precisions: features.precisions, isWeakened: !features.isTrained)
  }

  /// The earlier studies' heads, with equal weights.
  private func beginning(_ earlier: Earlier, _ observations: Observations, _ state: StudyState) -> Model? {
    let features = earlier.features
    var told = observations.pending(state)
    for row in observations.rows.indices { told.append(row, of: observations.points) }
    let known = features.features(told)
    let heads = earlier.tasks.indices.compactMap { features.head(earlier.tasks[$0], features.precisions[$0]) }
    guard !heads.isEmpty else { return nil }
    let share = 1 / Double(heads.count)
    var function = HeadImprovement(features, heads.map { .init($0.believing(known), weight: share) }, threshold: 0)
    if let best = function.predict(told).means.max(), best.isFinite { function.threshold = best }
    return Model(
      function: function, source: .earlier, precisions: features.precisions,
      isWeakened: !features.isTrained || heads.count < earlier.tasks.count)
  }

  private static func task(_ points: FeaturePoints, _ losses: [Double]) -> SharedFeatures.Task {
    SharedFeatures.Task(points, OutputTransform.winsorized.apply(losses).map { -$0 })
  }

  /// The earlier studies and the features that they need; nil when no trial of them can be seen in the present space.
  private mutating func trained(_ observations: Observations, _ state: StudyState) -> Earlier? {
    if let earlier, earlier.revision == state.revision { return earlier }
    let studies = EarlierPoints.all(state, observations.features)
    let limit = max(1, Self.rowLimit / max(1, studies.count))
    let tasks = studies.map { study in
      let limited = study.limited(to: limit)
      return Self.task(limited.points, limited.losses)
    }
    let seed = mix(state.spec.seed ?? 0, Self.purpose)
    guard let features = SharedFeatures(tasks, options: options, seed: seed) else { return nil }
    let made = Earlier(revision: state.revision, names: studies.map(\.name), tasks: tasks, features: features)
    earlier = made
    return made
  }

  /// The features of the latest training.
  private mutating func features(_ earlier: Earlier) -> SharedFeatures {
    guard let anchor = schedule.anchor else { return earlier.features }
    if let latest, latest.count == anchor.rows.count { return latest.features }
    let losses = anchor.rows.map(\.loss)
    let chosen = GPSelection.choose(losses, limit: max(1, Self.rowLimit / (earlier.tasks.count + 1)))
    let own = Self.task(anchor.points.subset(chosen), chosen.map { losses[$0] })
    let evaluations = max(1, Int(Self.furtherShare * Double(options.evaluations)))
    let found = earlier.features.trained(with: earlier.tasks + [own], evaluations: evaluations)
    latest = (anchor.rows.count, found)
    return found
  }

  // MARK: Explaining

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    var facts = [Fact("method", "linear heads on features shared with the earlier studies, expected improvement")]
    let observations = observed(state)
    guard let model = model(observations, state) else {
      return Explanation(facts + [Fact("step", "random: no model can be made")], neighbours: nearest)
    }
    facts.append(Fact("step", model.source.rawValue))
    if model.isWeakened { facts.append(Fact("weakened", "a part of the model could not be fitted")) }
    if let points = observations.features.point(configuration) {
      facts.append(Fact("acquisition value", model.function.values(points)[0]))
    }
    return Explanation(facts, neighbours: nearest)
  }

  public mutating func modelReport(state: StudyState) -> ModelReport? {
    let observations = observed(state)
    guard let model = model(observations, state), let earlier else { return nil }
    var facts = [
      Fact("method", "linear heads on features shared with the earlier studies"), Fact("step", model.source.rawValue),
    ]
    if let anchor = schedule.anchor { facts.append(Fact("trials of the latest training", Double(anchor.rows.count))) }
    facts += zip(earlier.names, model.precisions).map {
      Fact("noise of \($0), as a deviation", exponential(-0.5 * $1.noise))
    }
    if let head = model.head {
      facts.append(Fact("noise of \(state.spec.name), as a deviation", exponential(-0.5 * head.precisions.noise)))
    }
    return ModelReport(facts)
  }
}

extension SharedFeatureSampler {
  /// What the catalogue says of it.
  public static let entry = CatalogueEntry(
    role: .sampler, name: "ablr", title: "Linear models on shared features (ABLR)",
    summary: "Learns from many or long earlier studies: a network finds features in which each study is linear.",
    paper: .init(
      authors: "V. Perrone, R. Jenatton, M. Seeger, C. Archambeau",
      title: "Scalable hyperparameter transfer learning", year: 2018, venue: "NeurIPS"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      MethodOption(
        name: "width", kind: .integer(2...1024), defaultValue: .integer(50), meaning: "the units of each layer"),
      MethodOption(
        name: "steps", kind: .integer(1...100_000), defaultValue: .integer(120),
        meaning: "the most evaluations of the studies' evidence in the first training; later ones have half"),
      SearchOption.candidates(512),
      SearchOption.starts(6),
    ], inspect: { EarlierPoints.problems($0, "ablr") })
}
