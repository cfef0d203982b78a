import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// Freeze-thaw Bayesian optimisation: after every step of the resource a model of all learning curves says which paused trial is
/// continued, or that a new one is worth more. Both the scheduler and the sampler of a study.
///
/// Sources: Swersky, Snoek & Adams, "Freeze-thaw Bayesian optimization", 2014, arXiv 1406.3896 (the model of `freeze-thaw`);
/// Rakotoarison, Adriaensen, Mallik, Garibov, Bergman & Hutter, "In-context freeze-thaw Bayesian optimization for
/// hyperparameter optimization", ICML 2024, arXiv 2404.16795 (the choice: the greatest probability of being below a threshold
/// some steps ahead, both drawn anew for each choice, MFPI-random; and the model of `ifbo`); Kadra, Janowski, Wistuba &
/// Grabocka, "Scaling laws for hyperparameter optimization", NeurIPS 2023, arXiv 2302.00441 (`dpl`, which chooses by the
/// expected improvement at the full resource on the least of the last losses of all curves); Mehta, Lorraine, Masson et al.,
/// "Improving hyperparameter optimization with checkpointed model weights", 2024, arXiv 2406.18630, and Wistuba, Kadra &
/// Grabocka, NeurIPS 2022, arXiv 2202.09774 (`fms`, which chooses by the expected improvement at the next step).
///
/// The threshold lies 10^τ below the best loss seen, τ uniform between −4 and −1, in standard deviations of the losses; for
/// `ifbo` in shares of what is left up to a perfect score. The horizon is uniform among all numbers of steps. Trials that run
/// are not chosen, and draws differ from worker to worker.
public struct FreezeThaw: Scheduler, Sampler {
  /// Reports have to grow by this factor before parameters are fitted again.
  static let refitFactor = 1.15
  /// Curves that a model needs.
  static let leastCurves = 2
  /// When no trial can be new, those go on of which it is at least so probable that they end below the best.
  static let worthwhile = 0.05

  let surrogate: CurveSurrogate
  private let steps: Int
  /// New configurations among which the best is found; an eighth as many are tried around each of the best known.
  private let candidates: Int
  /// Of the weights of a checkpoint; 0 where they are not looked at.
  private let components: Int
  private let networks: PowerLawEnsemble.Options
  private let particles: CurvePosterior.Options
  /// The ends of the objective, of ifBO's where they are given.
  private let bounds: (best: Double, worst: Double)?
  private var reports = 0
  private var nextFit = 0
  /// What was known at the last moment at which parameters were to be fitted. Fitting waits until they are needed: one that
  /// reads a long log fits once.
  private var snapshot: Known?
  /// What the snapshot's points are made of.
  private var features: SpaceFeatures?
  private var fitted: Fitted?

  private struct Known: Sendable {
    var points: FeaturePoints
    /// The trial and the curve of each point; losses as they are.
    var trials: [TrialNumber]
    var curves: [FreezeThawProcess.Curve]
    /// The weights of each, as they were known then.
    var weights: [WeightHistory]
  }

  private struct Fitted: Sendable {
    var units: LossUnits
    var parameters: FreezeThawProcess.Parameters?
    var ensemble: PowerLawEnsemble?
    var kernel: KernelParameters?
    var basis: WeightBasis?
  }

  /// What is known of the weights of each trial.
  private var weights: [TrialNumber: WeightHistory] = [:]

  /// The units of ifBO, which stay as they are: other ones would make all curves others.
  private var units: LossUnits?
  /// What is known of each curve, as long as it is the same curve.
  private var posteriors: [TrialNumber: (curve: FreezeThawProcess.Curve, posterior: CurvePosterior)] = [:]

  /// - Parameter part: the scheduler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    surrogate = CurveSurrogate(rawValue: part.name) ?? .process
    let entry = Self.schedulerEntry(surrogate)
    steps = entry.integer("steps", in: part)
    candidates = surrogate == .process ? 256 : entry.integer("candidates", in: part)
    components = surrogate == .checkpoints ? entry.integer("components", in: part) : 0
    networks = Self.networks(part)
    particles = Self.particles(part)
    bounds = Self.bounds(part)
  }

  var purpose: UInt64 { stableHash(surrogate.rawValue) }

  // MARK: Absorbing

  public mutating func absorb(_ event: Event, state: StudyState) {
    switch event.body {
    case .studyAmended:
      forget()
      // No report may follow: where no trial can be new, all that is left is to choose among those that there are.
      if reports > 0 { remember(state) }
    case .noted(let trial?, let key, let value): take(key, value, of: trial)
    // The design may have its last trial only after others have reported, and be asked before anything more is reported.
    case .trialProposed where !hasCurves && reports > 0 && state.trials.count >= designCount(state): remember(state)
    case .reported(_, .some, _):
      reports += 1
      if reports >= nextFit, state.trials.count >= designCount(state) { remember(state) }
    default: break
    }
  }

  /// Takes what is known now as that to which parameters are fitted.
  private mutating func remember(_ state: StudyState) {
    nextFit = max(reports + 1, Int((Double(reports) * Self.refitFactor).rounded(.up)))
    let features = SpaceFeatures(state)
    let latest = known(features, state)
    self.features = features
    snapshot = latest
    fitted = nil
    if surrogate == .prior, units == nil, hasCurves, state.trials.count >= designCount(state) {
      units = LossUnits(shape(state), last: latest.curves.compactMap(\.values.last))
    }
  }

  /// Takes over a summary of weights, if a note is one.
  private mutating func take(_ key: String, _ value: String, of trial: TrialNumber) {
    guard components > 0, let resource = WeightSummary.resource(ofKey: key), let summary = WeightSummary(text: value)
    else { return }
    var known = weights[trial] ?? []
    known.removeAll { $0.resource == resource }
    known.insert((resource, summary), at: known.firstIndex { $0.resource > resource } ?? known.count)
    weights[trial] = known
  }

  private mutating func forget() {
    nextFit = 0
    snapshot = nil
    fitted = nil
    units = nil
    posteriors = [:]
  }

  /// Whether there are as many curves as a model needs.
  private var hasCurves: Bool { (snapshot?.points.count ?? 0) >= Self.leastCurves }

  /// How many trials begin before the model is asked; no more than the budget allows, or it never would be.
  private func designCount(_ state: StudyState) -> Int {
    let count = max(3, min(state.spec.space.coordinates.count + 1, 10))
    return max(1, min(count, state.spec.budget.trials ?? count))
  }

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
    var curves: any CurveModel
    /// The trial of each curve.
    var trials: [TrialNumber]
    var features: SpaceFeatures
    var units: LossUnits
    /// The loss to improve on: the lowest of all reports, or of the last reports of all curves.
    var best: Double
  }

  /// Trials with at least one finite loss, and their curves without what is not finite.
  private func known(_ features: SpaceFeatures, _ state: StudyState) -> Known {
    let sign = state.spec.objectives[0].sign
    let stops = state.spec.fidelity.map(stops) ?? []
    var known = Known(points: features.empty, trials: [], curves: [], weights: [])
    var units = [Double](repeating: 0, count: state.spec.space.coordinates.count)
    for trial in state.trials.indices where state.trials[trial].state != .failed {
      guard let curve = state.curves[trial] else { continue }
      var places = curve.values.indices.filter { curve.values[$0].isFinite }
      // Of a step its end counts.
      if surrogate == .checkpoints { places = Self.ends(of: stops, curve, among: places) }
      guard !places.isEmpty,
        features.append(state.history.filled(trial), to: &known.points, units: &units)
      else { continue }
      known.trials.append(trial)
      known.weights.append(weights[trial] ?? [])
      known.curves.append(
        FreezeThawProcess.Curve(
          times: places.map { curve.resources[$0] }, values: places.map { curve.values[$0] * sign }))
    }
    return known
  }

  /// The first places at or beyond each stop.
  private static func ends(of stops: [Double], _ curve: Curve, among places: [Int]) -> [Int] {
    var result: [Int] = []
    var rest = places[...]
    for stop in stops {
      rest = rest.drop { !Fidelity.reaches(curve.resources[$0], stop) }
      guard let place = rest.first else { break }
      result.append(place)
      rest = rest.dropFirst()
    }
    // A maximum that was raised leaves trials behind that are not at the first stop any more.
    return result.isEmpty ? Array(places.suffix(1)) : result
  }

  private mutating func fit(_ horizon: Double, _ state: StudyState) -> Fitted? {
    if let fitted { return fitted }
    guard let snapshot, hasCurves else { return nil }
    var result = Fitted(units: units ?? LossUnits(shape(state), last: snapshot.curves.compactMap(\.values.last)))
    switch surrogate {
    case .process:
      let curves = snapshot.curves.map { Self.curve($0, result.units) }
      result.parameters = FreezeThawFit(snapshot.points, curves, horizon: horizon).run()
    case .powerLaws:
      let curves = snapshot.curves.map { Self.curve($0, result.units, per: horizon) }
      result.ensemble = PowerLawEnsemble(
        snapshot.points, curves, options: networks, seed: mix(state.spec.seed ?? 0, UInt64(snapshot.points.count)))
    case .prior: break
    case .checkpoints: fit(&result, snapshot, horizon)
    }
    fitted = result
    return result
  }

  private func fit(_ result: inout Fitted, _ known: Known, _ horizon: Double) {
    result.basis = components > 0 ? WeightBasis(known.weights.flatMap { $0.map(\.summary) }, count: components) : nil
    let units = result.units
    let features = StepFeatures(known.points, basis: result.basis, horizon: horizon)
    let (rows, targets) = CheckpointCurveModel.rows(
      features, known.points, known.curves.map { Self.curve($0, units) }, known.weights,
      limit: CheckpointCurveModel.fitLimit)
    var options = GaussianProcessFit.Options()
    options.learnsSignal = true
    options.evaluations = 40
    let fit = GaussianProcessFit(rows, targets, options: options)
    result.kernel = fit.run(from: [fit.modes]).parameters
  }

  private func shape(_ state: StudyState) -> LossUnits.Shape {
    guard surrogate == .prior else { return .linear }
    guard let bounds else { return .logistic }
    let sign = state.spec.objectives[0].sign
    return .bounded(best: sign * bounds.best, worst: sign * bounds.worst)
  }

  private static func curve(
    _ curve: FreezeThawProcess.Curve, _ units: LossUnits, per time: Double = 1
  ) -> FreezeThawProcess.Curve {
    FreezeThawProcess.Curve(times: curve.times.map { $0 / time }, values: curve.values.map(units.value))
  }

  private mutating func model(_ state: StudyState) -> Model? {
    guard let horizon = state.spec.fidelity?.maximum else { return nil }
    guard let fitted = fit(horizon, state), let features else { return nil }
    let known = known(features, state)
    let chosen = FreezeThawFit.choose(known.curves.map { $0.values.last ?? .infinity }, surrogate.curveLimit)
    let points = known.points.subset(chosen)
    let trials = chosen.map { known.trials[$0] }
    let curves = chosen.map { Self.curve(known.curves[$0], fitted.units) }
    let all = surrogate.expectsImprovement ? curves.compactMap(\.values.last) : curves.compactMap { $0.values.min() }
    guard let best = all.min(), best.isFinite else { return nil }
    let thin = curves.map { FreezeThawFit.thin($0, to: surrogate.pointLimit) }
    if surrogate == .checkpoints {
      guard let kernel = fitted.kernel, let fidelity = state.spec.fidelity,
        let model = CheckpointCurveModel(
          points, curves, chosen.map { known.weights[$0] },
          features: StepFeatures(points, basis: fitted.basis, horizon: horizon), parameters: kernel,
          stops: stops(fidelity))
      else { return nil }
      return Model(curves: model, trials: trials, features: features, units: fitted.units, best: best)
    }
    guard let model = model(points, thin, trials, fitted, horizon, state) else { return nil }
    return Model(curves: model, trials: trials, features: features, units: fitted.units, best: best)
  }

  private mutating func model(
    _ points: FeaturePoints, _ curves: [FreezeThawProcess.Curve], _ trials: [TrialNumber], _ fitted: Fitted,
    _ horizon: Double, _ state: StudyState
  ) -> (any CurveModel)? {
    switch surrogate {
    case .process:
      return fitted.parameters.flatMap { FreezeThawProcess(points, curves, $0) }.map(ProcessCurveModel.init)
    case .powerLaws: return fitted.ensemble.map { PowerLawCurveModel($0, points, horizon: horizon) }
    case .prior:
      let seed = mix(state.spec.seed ?? 0, purpose)
      for (trial, curve) in zip(trials, curves) where posteriors[trial]?.curve != curve {
        let posterior = CurvePosterior(
          times: curve.times.map { $0 / horizon }, scores: curve.values.map { 1 - $0 }, options: particles,
          seed: mix(seed, UInt64(trial)))
        posteriors[trial] = (curve, posterior)
      }
      return CurvePriorModel(points, trials.compactMap { posteriors[$0]?.posterior }, seed: seed)
        .map { PriorCurveModel(model: $0, horizon: horizon) }
    case .checkpoints: return nil
    }
  }

  // MARK: Choosing

  /// What is drawn for one choice.
  private struct Draw {
    /// Steps ahead.
    var horizon: Int
    /// The loss to get below, standardised.
    var threshold: Double

    init(_ model: Model, _ steps: Int, _ surrogate: CurveSurrogate, _ state: StudyState) {
      var stream = RandomStream(
        seed: state.spec.seed ?? 0, purpose: stableHash(surrogate.rawValue), index: UInt64(state.eventCount))
      horizon = 1 + stream.index(below: steps)
      let share = exponential((-4 + 3 * stream.uniform()) * logarithm(10))
      switch surrogate {
      case .process: threshold = model.best - share
      case .prior: threshold = model.best - share * model.best
      case .powerLaws:
        horizon = steps
        threshold = model.best
      case .checkpoints:
        horizon = 1
        threshold = model.best
      }
    }
  }

  /// The paused trial that promises most.
  private func bestPaused(
    _ model: Model, _ stops: [Double], ahead: Int, below threshold: Double, _ state: StudyState,
    _ canResume: (TrialNumber) -> Bool
  ) -> (index: Int, target: Double, score: Double)? {
    var best: (index: Int, target: Double, score: Double)?
    for (index, trial) in model.trials.enumerated() {
      guard let next = stops.firstIndex(where: { !Fidelity.reaches(state.trials[trial].resource, $0) }),
        state.trials[trial].canGoOn(to: stops[next]), canResume(trial)
      else { continue }
      let time = stops[min(next + ahead - 1, stops.count - 1)]
      let score = model.curves.promise(of: index, at: time, below: threshold)
      if score > best?.score ?? -.infinity { best = (index, stops[next], score) }
    }
    return best
  }

  /// Configurations of which the next new one is the best.
  private func pool(_ model: Model, _ state: StudyState) -> [CandidatePool.Candidate] {
    let seed = mix(state.spec.seed ?? 0, purpose)
    if surrogate.expectsImprovement {
      // The same until they are used up, as in the paper: among ever new ones there would always be one that promises a little
      // more than what has begun, and nothing would be continued.
      var pool = CandidatePool(
        model.features, incumbents: [], seed: mix(seed, UInt64(state.trials.count / max(1, candidates / 2))))
      return pool.scatter(candidates, spray: 0)
    }
    let ends = model.trials.indices.map { model.curves.expectation(of: $0) }
    let last = ends.indices.sorted { (ends[$0], $0) < (ends[$1], $1) }
    let incumbents = last.prefix(4).map { state.history.filled(model.trials[$0]) }
    var pool = CandidatePool(model.features, incumbents: incumbents, seed: mix(seed, UInt64(state.eventCount)))
    return pool.scatter(candidates, spray: candidates / 8)
  }

  /// The new configuration that promises most.
  private func bestNew(
    _ model: Model, _ stops: [Double], ahead: Int, below threshold: Double, _ state: StudyState
  ) -> (configuration: Configuration, score: Double)? {
    let candidates = pool(model, state).map(\.configuration).filter { !state.history.contains($0) }
    var points = model.features.empty
    var units = [Double](repeating: 0, count: state.spec.space.coordinates.count)
    let kept = candidates.filter { model.features.append($0, to: &points, units: &units) }
    guard points.count > 0 else { return nil }
    let scores = model.curves.promises(of: points, at: stops[min(ahead, stops.count) - 1], below: threshold)
    var best: (configuration: Configuration, score: Double)?
    for (configuration, score) in zip(kept, scores) where score > best?.score ?? -.infinity {
      best = (configuration, score)
    }
    return best
  }

  // MARK: Deciding

  public mutating func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    guard let fidelity = state.spec.fidelity else { return .new(target: nil, Annotation()) }
    let stops = stops(fidelity)
    let new = Assignment.new(target: stops[0], Annotation())
    guard state.trials.count >= designCount(state), let model = model(state) else { return new }
    let draw = Draw(model, stops.count, surrogate, state)
    let paused = bestPaused(model, stops, ahead: draw.horizon, below: draw.threshold, state, canResume)
    let fresh = bestNew(model, stops, ahead: draw.horizon, below: draw.threshold, state)
    guard let paused, paused.score >= fresh?.score ?? -.infinity else { return new }
    return .resume(model.trials[paused.index], target: paused.target, Annotation())
  }

  public mutating func assignmentWithoutNew(
    state: StudyState, canResume: (TrialNumber) -> Bool
  ) -> Assignment {
    guard let fidelity = state.spec.fidelity else { return .wait }
    guard let model = model(state) else {
      // Of a single trial there is no model; one is to become complete all the same.
      let isLast = state.running.isEmpty && state.queue.isEmpty && state.count(.completed) == 0
      return isLast ? state.furthestPaused(canResume) : .wait
    }
    let stops = stops(fidelity)
    let complete = state.trials.indices.filter {
      state.trials[$0].state == .completed && Fidelity.reaches(state.trials[$0].resource, fidelity.maximum)
    }.map { model.units.value(state.loss($0)) }.min()
    // Without any complete trial the most promising is to become one.
    let threshold = complete ?? model.best
    guard
      let paused = bestPaused(model, stops, ahead: stops.count, below: threshold, state, canResume),
      complete == nil
        || model.curves.probability(of: paused.index, at: fidelity.maximum, below: threshold) >= Self.worthwhile
    else { return .wait }
    return .resume(model.trials[paused.index], target: paused.target, Annotation())
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict { state.verdictAtTarget(trial) }

  public mutating func sample(
    trial: TrialNumber, target: Double?, state: StudyState
  ) throws(SpaceError) -> Sample {
    guard let fidelity = state.spec.fidelity, state.trials.count >= designCount(state), hasCurves else {
      return try StartupDesign.sample(FreshDraw(purpose: purpose, trial: trial, state: state))
    }
    let fresh = FreshDraw(purpose: purpose, trial: trial, state: state)
    let stops = stops(fidelity)
    guard let model = model(state) else { return try fresh.sample(origin: .fallback) }
    let draw = Draw(model, stops.count, surrogate, state)
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
  // MARK: What is said

  public mutating func explanation(
    of configuration: Configuration, trial: TrialNumber, target: Double?, state: StudyState
  ) -> Explanation {
    let nearest = Self.neighbours(of: configuration, before: trial, state: state)
    let method = Fact("method", surrogate.title)
    guard let fidelity = state.spec.fidelity, state.trials.count >= designCount(state) else {
      let step = Fact("step", "the design before the model: \(state.trials.count) of \(designCount(state)) trials")
      return Explanation([method, step], neighbours: nearest)
    }
    guard hasCurves else {
      let step = Fact("step", "the design before the model, which needs \(Self.leastCurves) trials with a value")
      return Explanation([method, step], neighbours: nearest)
    }
    let stops = stops(fidelity)
    guard let model = model(state), let point = model.features.point(configuration) else {
      return Explanation([method, .noModel], neighbours: nearest)
    }
    let draw = Draw(model, stops.count, surrogate, state)
    let time = stops[min(draw.horizon, stops.count) - 1]
    var facts = [
      method, Fact("curves in the model", "\(model.trials.count)"),
      Fact("looks ahead to", "\(fidelity.name) \(JSONValue.plainText(time))"),
      Fact("acquisition value", model.curves.promises(of: point, at: time, below: draw.threshold)[0]),
    ]
    let paused = bestPaused(model, stops, ahead: draw.horizon, below: draw.threshold, state) { _ in true }
    if let paused {
      facts.append(Fact("that of going on with trial \(model.trials[paused.index])", paused.score))
    }
    return Explanation(facts, neighbours: nearest)
  }
}
