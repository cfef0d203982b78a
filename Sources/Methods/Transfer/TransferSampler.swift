import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// What earlier studies do for any sampler: a portfolio of configurations to begin with, and a box to search in.
///
/// Sources: Wistuba, Schilling & Schmidt-Thieme, "Sequential model-free hyperparameter tuning", ICDM 2015 (the portfolio,
/// see `GreedyPortfolio`); Perrone, Shen, Seeger, Archambeau & Jenatton, "Learning search spaces for Bayesian optimization:
/// another view of hyperparameter transfer learning", NeurIPS 2019, arXiv 1909.12552 (the box, see `EarlierBox`). What an
/// earlier study did not try is predicted by a forest of its trials.
///
/// With a box the sampler sees a study whose space is the box, and one trial in ten, on average, is a random configuration of
/// the whole space.
public struct TransferSampler: Sampler {
  static let purpose = stableHash("transfer")
  /// One trial in so many is drawn from the whole space.
  static let wholeSpace = 10
  /// The most configurations of an earlier study among which the portfolio is chosen.
  static let choiceLimit = 200

  private var base: any Sampler
  private let transfer: Transfer
  /// How many configurations of the portfolio have been proposed.
  private var begun = 0
  private var portfolio: (revision: Int, configurations: [Configuration])?
  /// The study as `base` sees it; nil where that is the study itself.
  private var boxed: StudyState?
  private var box: EarlierBox?

  public init(_ base: any Sampler, _ transfer: Transfer) {
    self.base = base
    self.transfer = transfer
  }

  public mutating func absorb(_ event: Event, state: StudyState) {
    if case .trialProposed(_, .new, _, let annotation) = event.body, annotation.origin == .earlier { begun += 1 }
    guard transfer.isBoxed else { return base.absorb(event, state: state) }
    switch event.body {
    // The log's first record has these, and nothing else.
    case .studyCreated, .earlierStudy: return
    default: break
    }
    absorbBoxed(event, state)
  }

  /// Takes over an event into the study that the sampler sees.
  private mutating func absorbBoxed(_ event: Event, _ state: StudyState) {
    if boxed == nil { begin(state) }
    guard var copy = boxed.take() else { return base.absorb(event, state: state) }
    do {
      try copy.absorb(event)
      if case .studyAmended = event.body { copy = try Self.narrowed(copy, box, state) }
      base.absorb(event, state: copy)
      boxed = copy
    } catch {
      // What follows in the study follows in the copy, too; should it not, the sampler goes on in the whole space.
      box = nil
      base.absorb(event, state: state)
    }
  }

  /// The log so far is the study's creation and the earlier studies.
  private mutating func begin(_ state: StudyState) {
    let box = EarlierBox(state)
    self.box = box
    let first = Event(time: state.createdAt, .studyCreated(specification: state.spec.json.text))
    guard var copy = try? StudyState(first: first) else { return }
    for study in state.earlierStudies {
      try? copy.absorb(Event(time: state.createdAt, .earlierStudy(study)))
    }
    boxed = (try? Self.narrowed(copy, box, state)) ?? copy
  }

  private static func narrowed(_ copy: StudyState, _ box: EarlierBox?, _ state: StudyState) throws -> StudyState {
    guard let box, let space = box.narrowed(state.spec.space) else { return copy }
    return copy.seen(in: space)
  }

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    if begun < transfer.start, let next = nextOfPortfolio(state) {
      return .configuration(next, Annotation(origin: .earlier))
    }
    guard transfer.isBoxed else { return try base.sample(trial: trial, target: target, state: state) }
    if boxed == nil { begin(state) }
    let fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    var stream = RandomStream(seed: fresh.seed, purpose: stableHash("whole space"), index: UInt64(trial))
    if stream.index(below: Self.wholeSpace) == 0 { return try fresh.sample(origin: .design) }
    let sample: Sample
    do {
      sample = try base.sample(trial: trial, target: target, state: boxed ?? state)
    } catch {
      // Constraints may leave nothing of the box, and something of the space.
      return try fresh.sample(origin: .fallback)
    }
    switch sample {
    case .configuration(let configuration, let annotation):
      // Rounding at the border of the box must not lead out of the space.
      if state.spec.space.contains(configuration) { return .configuration(configuration, annotation) }
      return try fresh.sample(origin: .fallback)
    case .exhausted, .finished: return try fresh.sample(origin: .design)
    }
  }

  private mutating func nextOfPortfolio(_ state: StudyState) -> Configuration? {
    if portfolio?.revision != state.revision { portfolio = (state.revision, choosePortfolio(state)) }
    return portfolio?.configurations.first { !state.history.contains($0) }
  }

  private func choosePortfolio(_ state: StudyState) -> [Configuration] {
    let features = SpaceFeatures(state.spec.space, hasResource: false)
    let studies = EarlierPoints.all(state, features)
    var configurations: [Configuration] = []
    var points = features.empty
    var known: [Configuration: Int] = [:]
    for study in studies {
      let limited = study.limited(to: Self.choiceLimit)
      for (row, configuration) in limited.configurations.enumerated() where known[configuration] == nil {
        guard let possible = Self.completed(configuration, in: state.spec.space) else { continue }
        known[configuration] = configurations.count
        configurations.append(possible)
        points.append(row, of: limited.points)
      }
    }
    guard !configurations.isEmpty else { return [] }
    let losses = studies.enumerated().map { index, study in
      let seed = mix(mix(state.spec.seed ?? 0, Self.purpose), UInt64(index))
      let scaled = OutputTransform.copula.apply(study.losses)
      var predicted = RandomForest(study.points, scaled, seed: seed).predict(points).means
      var seen: Set<Int> = []
      for (row, configuration) in study.configurations.enumerated() {
        guard let column = known[configuration] else { continue }
        // Of several runs of one configuration the best counts.
        predicted[column] = seen.insert(column).inserted ? scaled[row] : min(predicted[column], scaled[row])
      }
      return predicted
    }
    return GreedyPortfolio.order(losses, count: transfer.start + state.trials.count).map { configurations[$0] }
  }

  /// A configuration of an earlier study with the values that amendments have since fixed or added; nil where it is not one of
  /// the space, or an added parameter has no default.
  private static func completed(_ configuration: Configuration, in space: Space) -> Configuration? {
    var slots = configuration.slots
    slots += [Double](repeating: .nan, count: max(0, space.slotCount - slots.count))
    for index in space.evaluationOrder {
      let range = space.slotRanges[index]
      let parameter = space.parameters[index]
      guard space.isActive(index, in: slots) else { continue }
      let isMissing = slots[range.lowerBound].isNaN
      guard let value = parameter.fixedValue ?? (isMissing ? parameter.defaultValue : nil),
        let raw = try? parameter.slots(of: value)
      else {
        if isMissing { return nil }
        continue
      }
      slots.replaceSubrange(range, with: raw)
    }
    space.deactivate(&slots)
    let result = Configuration(slots: slots)
    return space.contains(result) ? result : nil
  }

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    // The log says of a trial that exists where it came from; the explanation is asked with the log before it.
    if begun < transfer.start, let next = nextOfPortfolio(state), next == configuration {
      return Explanation(
        [
          Fact("method", "portfolio of the earlier studies"),
          Fact("step", "\(begun + 1) of \(transfer.start) to begin with: among the best of them"),
        ],
        neighbours: Self.neighbours(of: configuration, before: trial, state: state))
    }
    if transfer.isBoxed, boxed == nil { begin(state) }
    return base.explanation(of: configuration, trial: trial, target: target, state: boxed ?? state)
  }

  public mutating func modelReport(state: StudyState) -> ModelReport? {
    if transfer.isBoxed, boxed == nil { begin(state) }
    return base.modelReport(state: boxed ?? state)
  }
}

extension TransferSampler {
  /// What keeps a study from learning from earlier ones.
  static func problems(_ spec: StudySpec) -> [MethodProblem] {
    guard let transfer = spec.transfer else { return [] }
    var problems: [MethodProblem] = []
    let name = spec.method.sampler.name
    if name == "dehb" {
      problems.append(
        MethodProblem(
          ["transfer"], "dehb designs its generations by itself and cannot learn from earlier studies",
          hint: "use another sampler, such as rgpe"))
    }
    if transfer.start == 0, !transfer.isBoxed, !["rgpe", "cts", "ablr", "auto"].contains(name) {
      problems.append(
        MethodProblem(
          ["transfer"], "nothing would be learned from the earlier studies",
          hint: "use sampler: rgpe, cts or ablr, or set start above 0 or box: true"))
    }
    if transfer.isBoxed, Catalogue.samplers.first(where: { $0.name == name })?.takes.contains(.constraints) == false {
      problems.append(
        MethodProblem(
          ["transfer", "box"], "\(name) cannot take constraints, of which the box is made", hint: "leave box out"))
    }
    if spec.objectives.count > 1 {
      problems.append(
        MethodProblem(
          ["transfer"], "earlier studies are compared by one objective, and the study has \(spec.objectives.count)",
          hint: "keep one objective, or leave transfer out"))
    }
    return problems
  }
}
