import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// Freeze-thaw Bayesian optimisation: after every step of the resource a model of all learning curves says which paused trial is
/// continued, or that a new one is worth more. Both the scheduler and the sampler of a study.
///
/// Sources: Swersky, Snoek & Adams, "Freeze-thaw Bayesian optimization", 2014, arXiv 1406.3896 (the model); Rakotoarison,
/// Adriaensen, Mallik, Garibov, Bergman & Hutter, "In-context freeze-thaw Bayesian optimization for hyperparameter
/// optimization", ICML 2024, arXiv 2404.16795 (the choice: the greatest probability of being below a threshold some steps
/// ahead, both drawn anew for each choice, MFPI-random).
///
/// The threshold lies 10^τ standard deviations of the losses below the best loss seen, τ uniform between −4 and −1; the
/// horizon is uniform among all numbers of steps. Trials that run are not chosen, and draws differ from worker to worker.
public struct FreezeThaw: Scheduler, Sampler {
  static let purpose = stableHash("freeze-thaw")
  /// Curves in the model, and points of each.
  static let curveLimit = 200
  static let pointLimit = 16
  /// New configurations among which the best is found.
  static let candidates = 256
  static let spray = 32
  /// Reports have to grow by this factor before parameters are fitted again.
  static let refitFactor = 1.15
  /// When no trial can be new, those go on of which it is at least so probable that they end below the best.
  static let worthwhile = 0.05

  private let steps: Int
  private var reports = 0
  private var nextFit = 0
  /// What was known at the last moment at which parameters were to be fitted. Fitting waits until they are needed: one that
  /// reads a long log fits once.
  private var snapshot: Known?
  private var fitted: Fitted?

  private struct Known: Sendable {
    var points: FeaturePoints
    /// The trial and the curve of each point; losses as they are.
    var trials: [TrialNumber]
    var curves: [FreezeThawProcess.Curve]
  }

  private struct Fitted: Sendable {
    var parameters: FreezeThawProcess.Parameters
    var centre: Double
    var deviation: Double
  }

  /// - Parameter part: the scheduler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) { steps = Self.schedulerEntry.integer("steps", in: part) }

  // MARK: Absorbing

  public mutating func absorb(_ event: Event, state: StudyState) {
    switch event.body {
    case .studyAmended: forget()
    case .reported(_, .some, _):
      reports += 1
      guard reports >= nextFit, state.trials.count >= designCount(state) else { return }
      nextFit = max(reports + 1, Int((Double(reports) * Self.refitFactor).rounded(.up)))
      snapshot = known(features(state), state)
      fitted = nil
    default: break
    }
  }

  private mutating func forget() {
    nextFit = 0
    snapshot = nil
    fitted = nil
  }

  /// How many trials begin before the model is asked.
  private func designCount(_ state: StudyState) -> Int { max(3, min(state.spec.space.coordinates.count + 1, 10)) }

  /// The resources at which a trial may be frozen.
  func stops(_ fidelity: Fidelity) -> [Double] {
    let width = max(fidelity.maximum / Double(steps), fidelity.minimum)
    var stops: [Double] = []
    var stop = fidelity.isInteger ? width.rounded(.up) : width
    let step = stop
    while stop < fidelity.maximum * (1 - 1e-9) {
      stops.append(stop)
      stop += step
    }
    return stops + [fidelity.maximum]
  }

  // MARK: Model

  private struct Model {
    var process: FreezeThawProcess
    /// The trial of each curve.
    var trials: [TrialNumber]
    var features: SpaceFeatures
    var fitted: Fitted
    /// The lowest loss of all reports, standardised.
    var best: Double
  }

  private func features(_ state: StudyState) -> SpaceFeatures {
    let space = state.spec.space
    let late = space.parameters.indices.filter { index in
      space.activityGroups[index] == 0 && state.history.rowCount > 0
        && state.history.slots[space.slotRanges[index].lowerBound][0].isNaN
    }
    return SpaceFeatures(space, lateParameters: Set(late))
  }

  /// Trials with at least one finite loss, and their curves without what is not finite.
  private func known(_ features: SpaceFeatures, _ state: StudyState) -> Known {
    let sign = state.spec.objectives[0].sign
    var known = Known(points: features.empty, trials: [], curves: [])
    var units = [Double](repeating: 0, count: state.spec.space.coordinates.count)
    for trial in state.trials.indices where state.trials[trial].state != .failed {
      guard let curve = state.curves[trial] else { continue }
      let places = curve.values.indices.filter { curve.values[$0].isFinite }
      guard !places.isEmpty,
        features.append(state.history.configuration(trial), to: &known.points, units: &units)
      else { continue }
      known.trials.append(trial)
      known.curves.append(
        FreezeThawProcess.Curve(
          times: places.map { curve.resources[$0] }, values: places.map { curve.values[$0] * sign }))
    }
    return known
  }

  private mutating func fit(_ horizon: Double) -> Fitted? {
    if let fitted { return fitted }
    guard let snapshot, snapshot.points.count >= 2 else { return nil }
    // Losses of any size are brought to a range in which squares are finite.
    let last = snapshot.curves.compactMap(\.values.last).sorted()
    let centre = last[last.count / 2]
    let spread = last.map { abs($0 / 2 - centre / 2) }.sorted()
    let typical = 2 * max(spread[spread.count * 2 / 3], spread[spread.count - 1] * 1e-3)
    let deviation = typical > 0 && typical.isFinite ? typical : 1
    let standardised = snapshot.curves.map { Self.standardised($0, centre, deviation) }
    let fit = FreezeThawFit(snapshot.points, standardised, horizon: horizon)
    let result = Fitted(parameters: fit.run(), centre: centre, deviation: deviation)
    fitted = result
    return result
  }

  /// Losses beyond ten deviations above the centre lie there: how bad a diverged trial is teaches nothing.
  private static func standardised(
    _ curve: FreezeThawProcess.Curve, _ centre: Double, _ deviation: Double
  ) -> FreezeThawProcess.Curve {
    FreezeThawProcess.Curve(
      times: curve.times, values: curve.values.map { min(10, 2 * ($0 / 2 - centre / 2) / deviation) })
  }

  private mutating func model(_ state: StudyState) -> Model? {
    guard let horizon = state.spec.fidelity?.maximum else { return nil }
    let features = features(state)
    guard let fitted = fit(horizon) else { return nil }
    let known = known(features, state)
    let chosen = FreezeThawFit.choose(known.curves.map { $0.values.last ?? .infinity }, Self.curveLimit)
    let curves = chosen.map { Self.standardised(known.curves[$0], fitted.centre, fitted.deviation) }
    guard let best = curves.compactMap({ $0.values.min() }).min(), best.isFinite,
      let process = FreezeThawProcess(
        known.points.subset(chosen), curves.map { FreezeThawFit.thin($0, to: Self.pointLimit) }, fitted.parameters)
    else { return nil }
    return Model(
      process: process, trials: chosen.map { known.trials[$0] }, features: features, fitted: fitted, best: best)
  }

  // MARK: Choosing

  /// What is drawn for one choice.
  private struct Draw {
    /// Steps ahead.
    var horizon: Int
    /// The loss to get below, standardised.
    var threshold: Double

    init(_ best: Double, _ steps: Int, _ state: StudyState) {
      var stream = RandomStream(
        seed: state.spec.seed ?? 0, purpose: FreezeThaw.purpose, index: UInt64(state.eventCount))
      horizon = 1 + stream.index(below: steps)
      threshold = best - exponential((-4 + 3 * stream.uniform()) * logarithm(10))
    }
  }

  /// How many standard deviations the threshold lies above the mean: the greater, the more probable is a loss below it.
  private static func score(_ mean: Double, _ variance: Double, _ threshold: Double) -> Double {
    (threshold - mean) / max(variance, 1e-12).squareRoot()
  }

  /// The paused trial that most probably gets below a loss.
  private func bestPaused(
    _ model: Model, _ stops: [Double], ahead: Int, below threshold: Double, _ state: StudyState,
    _ canResume: (TrialNumber) -> Bool
  ) -> (trial: TrialNumber, target: Double, score: Double)? {
    var best: (trial: TrialNumber, target: Double, score: Double)?
    for (index, trial) in model.trials.enumerated() {
      guard let next = stops.firstIndex(where: { $0 > state.trials[trial].resource }),
        state.trials[trial].canGoOn(to: stops[next]), canResume(trial)
      else { continue }
      let (mean, variance) = model.process.prediction(of: index, at: stops[min(next + ahead - 1, stops.count - 1)])
      let score = Self.score(mean, variance, threshold)
      if score > best?.score ?? -.infinity { best = (trial, stops[next], score) }
    }
    return best
  }

  /// The new configuration that most probably gets below a loss.
  private func bestNew(
    _ model: Model, _ stops: [Double], ahead: Int, below threshold: Double, _ state: StudyState
  ) -> (configuration: Configuration, score: Double)? {
    let last = model.trials.indices.sorted { a, b in
      let (first, second) = (model.process.asymptote(of: a).mean, model.process.asymptote(of: b).mean)
      return first != second ? first < second : a < b
    }
    let incumbents = last.prefix(4).map { state.history.configuration(model.trials[$0]) }
    var pool = CandidatePool(
      model.features, incumbents: incumbents,
      seed: mix(mix(state.spec.seed ?? 0, Self.purpose), UInt64(state.eventCount)))
    let candidates = pool.scatter(Self.candidates, spray: Self.spray).map(\.configuration)
      .filter { !state.history.contains($0) }
    var points = model.features.empty
    var units = [Double](repeating: 0, count: state.spec.space.coordinates.count)
    let kept = candidates.filter { model.features.append($0, to: &points, units: &units) }
    guard points.count > 0 else { return nil }
    let (means, variances) = model.process.predictions(of: points, at: stops[min(ahead, stops.count) - 1])
    var best: (configuration: Configuration, score: Double)?
    for i in kept.indices {
      let score = Self.score(means[i], variances[i], threshold)
      if score > best?.score ?? -.infinity { best = (kept[i], score) }
    }
    return best
  }

  // MARK: Deciding

  public mutating func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    guard let fidelity = state.spec.fidelity else { return .new(target: nil, Annotation()) }
    let stops = stops(fidelity)
    let new = Assignment.new(target: stops[0], Annotation())
    guard state.trials.count >= designCount(state), let model = model(state) else { return new }
    let draw = Draw(model.best, stops.count, state)
    let paused = bestPaused(model, stops, ahead: draw.horizon, below: draw.threshold, state, canResume)
    let fresh = bestNew(model, stops, ahead: draw.horizon, below: draw.threshold, state)
    guard let paused, paused.score >= fresh?.score ?? -.infinity else { return new }
    return .resume(paused.trial, target: paused.target, Annotation())
  }

  public mutating func assignmentWithoutNew(
    state: StudyState, canResume: (TrialNumber) -> Bool
  ) -> Assignment {
    guard let fidelity = state.spec.fidelity, let model = model(state) else { return .wait }
    let stops = stops(fidelity)
    let complete = state.trials.indices.filter {
      state.trials[$0].state == .completed && state.trials[$0].resource >= fidelity.maximum
    }.map { min(10, (state.loss($0) / 2 - model.fitted.centre / 2) / model.fitted.deviation * 2) }.min()
    // Without any complete trial the most promising is to become one.
    let threshold = complete ?? model.best
    guard
      let paused = bestPaused(model, stops, ahead: stops.count, below: threshold, state, canResume),
      complete == nil || NormalDistribution.cdf(paused.score) >= Self.worthwhile
    else { return .wait }
    return .resume(paused.trial, target: paused.target, Annotation())
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict {
    let record = state.trials[trial]
    guard let maximum = state.spec.fidelity?.maximum, record.target < maximum, record.resource >= record.target else {
      return .proceed
    }
    return .pause
  }

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    guard let fidelity = state.spec.fidelity, state.trials.count >= designCount(state) else {
      return try StartupDesign.sample(FreshDraw(purpose: Self.purpose, trial: trial, state: state))
    }
    let fresh = FreshDraw(purpose: Self.purpose, trial: trial, state: state)
    let stops = stops(fidelity)
    guard let model = model(state) else { return try fresh.sample(origin: .fallback) }
    let draw = Draw(model.best, stops.count, state)
    guard let best = bestNew(model, stops, ahead: draw.horizon, below: draw.threshold, state) else {
      return try fresh.sample(origin: .fallback)
    }
    return try fresh.sample(origin: .model) { attempt throws(SpaceError) in
      let configuration =
        attempt == 0
        ? best.configuration
        : try state.spec.space.sample(seed: mix(fresh.seed, UInt64(attempt)), index: UInt64(trial))
      return (configuration, Annotation(origin: .model))
    }
  }
}

extension FreezeThaw {
  private static let name = "freeze-thaw"
  private static let title = "Freeze-thaw Bayesian optimisation"
  private static let paper = CatalogueEntry.Paper(
    authors: "K. Swersky, J. Snoek, R. P. Adams", title: "Freeze-thaw Bayesian optimization", year: 2014,
    venue: "arXiv 1406.3896")
  private static let takes = Set(CatalogueEntry.Ability.allCases).subtracting([.objectives])

  /// What the catalogue says of its scheduler.
  public static let schedulerEntry = CatalogueEntry(
    role: .scheduler, name: name, title: title,
    summary: "Decides after every step, from a model of all learning curves, which trial is worth the next one.",
    paper: paper, takes: takes, needsFidelity: true,
    options: [
      MethodOption(
        name: "steps", kind: .integer(1...10_000), defaultValue: .integer(20),
        meaning: "into how many steps the full resource is divided; a trial can pause after each")
    ])

  /// What the catalogue says of its sampler.
  public static let samplerEntry = CatalogueEntry(
    role: .sampler, name: name, title: title,
    summary: "The new configuration that a model of all learning curves holds to be worth most; for its own scheduler.",
    paper: paper, takes: takes, needsFidelity: true, options: [],
    inspect: { spec in
      guard spec.method.scheduler.name != name else { return [] }
      return [
        MethodProblem(
          ["method", "sampler"], "freeze-thaw proposes configurations for the steps of its own scheduler",
          hint: "use scheduler: freeze-thaw with it")
      ]
    })
}
