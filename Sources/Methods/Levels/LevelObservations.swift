import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// The losses of trials at the levels of the resource at which trials are judged, in the order in which they were reported:
/// what a model over configurations and levels learns from.
///
/// A trial that jumps over a level counts there as nothing, and at the level that it reaches with the first report at or
/// beyond it. What a trial reported before it failed stays.
struct LevelObservations: Sendable {
  struct Row: Sendable, Equatable {
    var trial: TrialNumber
    var level: Int
    var loss: Double
  }

  /// Those of a study with a resource, of which rows have their level instead.
  let features: SpaceFeatures
  /// Ascending; the last is the maximum.
  let levels: [Double]
  private(set) var rows: ContiguousArray<Row> = []
  /// One a row, with the level as the last choice.
  private(set) var points: FeaturePoints
  /// Trials with at least one row.
  private(set) var trialCount = 0
  /// For each trial the first level that it has not reached, and whether it has a row.
  private var progress: ContiguousArray<(next: Int32, hasRow: Bool)> = []

  init(_ state: StudyState) {
    features = SpaceFeatures(state, hasResource: true)
    levels = Self.levels(state.spec)
    points = FeaturePoints(numberCount: features.numberCount - 1, choiceCount: features.choiceCount + 1)
    let sign = state.spec.objectives[0].sign
    for trial in state.trials.indices {
      guard let curve = state.curves[trial] else { continue }
      for (resource, value) in zip(curve.resources, curve.values) {
        note(trial, at: resource, loss: value * sign, state)
      }
    }
  }

  /// The resources at which the study's scheduler judges trials; of one that has no such levels, those of asynchronous
  /// halving by three.
  static func levels(_ spec: StudySpec) -> [Double] {
    guard let fidelity = spec.fidelity else { return [] }
    let part = spec.method.scheduler
    switch part.name {
    case ASHA.entry.name, ASHA.progressiveEntry.name: return ASHA.levels(fidelity, part)
    case Hyperband.entry.name, Hyperband.halvingEntry.name:
      let entry = part.name == Hyperband.entry.name ? Hyperband.entry : Hyperband.halvingEntry
      let rounding = BracketPlan.Rounding(rawValue: entry.word("rounding", in: part)) ?? .paper
      return BracketPlan(fidelity, eta: entry.real("eta", in: part), rounding: rounding).levels
    case MultiObjectiveASHA.entry.name:
      return ASHA.levels(fidelity, eta: MultiObjectiveASHA.entry.real("eta", in: part))
    default: return ASHA.levels(fidelity, eta: 3)
    }
  }

  /// Takes note of an event; begins with the first.
  static func absorb(_ event: Event, state: StudyState, into observations: inout LevelObservations?) {
    guard observations?.isOutdated(by: event, state) == false else {
      observations = LevelObservations(state)
      return
    }
    switch event.body {
    case .reported(let trial, .some(let resource), let metrics):
      // A report below the greatest resource comes from a run that started again: its levels are behind it.
      guard resource == state.trials[trial].resource,
        metrics.contains(where: { $0.name == state.spec.objectives[0].metric })
      else { return }
      observations?.note(trial, at: resource, loss: state.loss(trial), state)
    default: break
    }
  }

  /// Whether all rows are other ones after an event.
  func isOutdated(by event: Event, _ state: StudyState) -> Bool {
    if event.isAmendment { return true }
    return Observations.trial(settledBy: event).map { features.areOutdated(by: $0, state) } ?? false
  }

  private mutating func note(_ trial: TrialNumber, at resource: Double, loss: Double, _ state: StudyState) {
    while progress.count <= trial { progress.append((0, false)) }
    var reached: Int?
    while progress[trial].next < levels.count, Fidelity.reaches(resource, levels[Int(progress[trial].next)]) {
      reached = Int(progress[trial].next)
      progress[trial].next += 1
    }
    guard let reached, loss.isFinite, let point = point(of: trial, state) else { return }
    points.append(point.numbers, point.choices + [Int32(reached)])
    rows.append(Row(trial: trial, level: reached, loss: loss))
    if !progress[trial].hasRow { trialCount += 1 }
    progress[trial].hasRow = true
  }

  /// What the model sees of a configuration; nil when that is not possible.
  private func point(of trial: TrialNumber, _ state: StudyState) -> (numbers: [Double], choices: [Int32])? {
    var units = [Double](repeating: 0, count: state.spec.space.coordinates.count)
    var one = features.empty
    guard features.append(state.history.filled(trial), to: &one, units: &units) else { return nil }
    return (one.numbers(of: 0).dropLast(), one.choices(of: 0))
  }

  /// The trials that are with a worker or wait for one, each at the level that it will reach next.
  func pending(_ state: StudyState) -> FeaturePoints {
    var result = FeaturePoints(numberCount: points.numberCount, choiceCount: points.choiceCount)
    for trial in (state.running + state.queue).sorted() {
      let next = trial < progress.count ? Int(progress[trial].next) : 0
      guard next < levels.count, let point = point(of: trial, state) else { continue }
      result.append(point.numbers, point.choices + [Int32(next)])
    }
    return result
  }

  /// The points of trials without level; those that the model cannot see are left out.
  func configurations(of trials: some Sequence<TrialNumber>, _ state: StudyState) -> FeaturePoints {
    var result = FeaturePoints(numberCount: points.numberCount, choiceCount: points.choiceCount - 1)
    for trial in trials {
      if let point = point(of: trial, state) { result.append(point.numbers, point.choices) }
    }
    return result
  }

  /// The greatest level at which there are so many losses, or else the lowest.
  func level(withAtLeast count: Int) -> Int {
    var counts = [Int](repeating: 0, count: levels.count)
    for row in rows { counts[row.level] += 1 }
    return counts.lastIndex { $0 >= count } ?? 0
  }
}
