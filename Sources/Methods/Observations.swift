import TrimtabNumerics
import TrimtabSearchSpaces
import TrimtabStudies
import TrimtabSurrogates

/// The trials from which a model learns, as it sees them, in the order in which they got their values.
///
/// Trials come and go with the events of the log; what is kept here depends on the log alone.
struct Observations: Sendable {
  struct Row: Sendable, Equatable {
    var trial: TrialNumber
    var loss: Double
    /// See `StudyState.violation`.
    var violation = 0.0
  }

  private(set) var features: SpaceFeatures
  private(set) var rows: ContiguousArray<Row> = []
  /// One point a row.
  private(set) var points: FeaturePoints
  /// For each trial its row, or −1.
  private var places: ContiguousArray<Int32> = []
  /// The number of the study's events when anything changed here: in one study the same number stands for the same
  /// observations.
  private(set) var moment: Int
  private let maximumResource: Double?
  private let isWhole: Bool
  private var units: [Double]

  /// - Parameter isWhole: whether only trials count that have got all of the resource; the points have no coordinate for it
  ///   then.
  init(_ state: StudyState, isWhole: Bool = false) {
    maximumResource = state.spec.fidelity?.maximum
    self.isWhole = isWhole && maximumResource != nil
    features = SpaceFeatures(state, hasResource: maximumResource != nil && !isWhole)
    points = features.empty
    units = [Double](repeating: 0, count: state.spec.space.coordinates.count)
    moment = state.eventCount
    for trial in state.trials.indices { update(trial, state) }
  }

  /// What an event changes.
  enum Change {
    case anew
    case trial(TrialNumber)
  }

  /// What an event changes of these observations; nil when nothing.
  func change(_ event: Event, _ state: StudyState) -> Change? {
    if event.isAmendment { return .anew }
    return Self.trial(settledBy: event).map { features.areOutdated(by: $0, state) ? .anew : .trial($0) }
  }

  /// The trial whose run an event ends.
  static func trial(settledBy event: Event) -> TrialNumber? {
    switch event.body {
    case .trialPaused(let trial, _, _), .trialStopped(let trial, _, _), .trialCompleted(let trial, _),
      .trialFailed(let trial, _, _, _), .trialLost(let trial):
      trial
    default: nil
    }
  }

  /// Takes note of an event; begins with the first.
  static func absorb(_ event: Event, state: StudyState, into observations: inout Observations?) {
    switch observations?.change(event, state) ?? (observations == nil ? .anew : nil) {
    case .anew: observations = Observations(state)
    case .trial(let trial): observations?.update(trial, state)
    case nil: break
    }
  }

  /// The best configurations, the very best first.
  func best(_ count: Int, _ state: StudyState) -> [Configuration] {
    leaders(count).map { state.history.filled(rows[$0].trial) }
  }

  /// The rows of the least losses, the very least first; those that violate the outcome constraints come last, by how much.
  func leaders(_ count: Int) -> [Int] {
    Array(
      rows.indices.sorted {
        (rows[$0].violation, rows[$0].loss, $0) < (rows[$1].violation, rows[$1].loss, $1)
      }.prefix(count))
  }

  /// Whether any trial violates no outcome constraint.
  var hasSolution: Bool { rows.contains { $0.violation == 0 } }

  /// Takes over what has become of a trial. A trial that goes on after a pause keeps its row until it has a new value.
  /// - Returns: whether a row was removed or changed, and not only appended.
  @discardableResult
  mutating func update(_ trial: TrialNumber, _ state: StudyState) -> Bool {
    let record = state.trials[trial]
    while places.count <= trial { places.append(-1) }
    let place = places[trial] < 0 ? nil : Int(places[trial])
    switch record.state {
    case .waiting, .running: return false
    case .paused, .completed, .stopped, .failed: break
    }
    if let place {
      moment = state.eventCount
      remove(place)
    }
    guard record.state != .failed, record.hasValue, !isWhole || record.hasWholeResource(state.spec) else {
      return place != nil
    }
    let share = share(of: record.resource)
    if features.append(state.history.filled(trial), resource: share, to: &points, units: &units) {
      moment = state.eventCount
      places[trial] = Int32(rows.count)
      rows.append(Row(trial: trial, loss: state.loss(trial), violation: state.violation(trial)))
    }
    return place != nil
  }

  private mutating func remove(_ place: Int) {
    places[rows[place].trial] = -1
    rows.remove(at: place)
    for later in place..<rows.count { places[rows[later].trial] = Int32(later) }
    let rest = points.subset((place + 1)..<points.count)
    points.truncate(to: place)
    for i in 0..<rest.count { points.append(i, of: rest) }
  }

  /// Where a resource lies between nothing and the whole, on a logarithmic scale.
  private func share(of resource: Double) -> Double {
    guard let maximumResource, maximumResource > 0 else { return 1 }
    return logarithm(1 + max(0, resource)) / logarithm(1 + maximumResource)
  }

  /// The points of trials that are running or wait to be, as if they had the whole resource; only of those that are to get it
  /// where only such trials count.
  func pending(_ state: StudyState) -> FeaturePoints {
    let trials = (state.running + state.queue).filter { !isWhole || state.trials[$0].isForWholeResource(state.spec) }
    return points(of: trials.sorted(), state)
  }

  /// Points of other trials, as if they had the whole resource.
  /// - Parameter trials: those that cannot be seen by the model are left out.
  func points(of trials: some Sequence<TrialNumber>, _ state: StudyState) -> FeaturePoints {
    var result = features.empty
    var units = units
    for trial in trials {
      _ = features.append(state.history.filled(trial), to: &result, units: &units)
    }
    return result
  }
}

extension Event {
  var isAmendment: Bool { if case .studyAmended = body { true } else { false } }
}

extension Trial {
  /// Whether it has got all of the study's resource; false without one.
  func hasWholeResource(_ spec: StudySpec) -> Bool {
    spec.fidelity.map { Fidelity.reaches(resource, $0.maximum) } ?? false
  }

  /// Whether it is to run until it has.
  func isForWholeResource(_ spec: StudySpec) -> Bool {
    spec.fidelity.map { Fidelity.reaches(target, $0.maximum) } ?? false
  }
}

extension SpaceFeatures {
  /// Those of a study as it is now: parameters without a condition that some settled trials lack, because they were added later
  /// or stand in no row of an imported table, count as ones that may be missing. In a space that grows none do, for models see
  /// what `History.filled(_:)` gives.
  init(_ state: StudyState, hasResource: Bool = false) {
    self.init(state.spec.space, lacking: Self.lacking(state), hasResource: hasResource)
  }

  private static func lacking(_ state: StudyState) -> [Int: UInt64] {
    guard !state.spec.grows else { return [:] }
    let space = state.spec.space
    var lacking: [Int: UInt64] = [:]
    for index in space.parameters.indices where space.activityGroups[index] == 0 {
      let column = state.history.slots[space.slotRanges[index].lowerBound]
      for trial in column.indices where column[trial].isNaN && state.trials[trial].isSettled {
        lacking[index] = mix(lacking[index] ?? 0, UInt64(trial))
      }
    }
    return lacking
  }

  /// Whether a trial that has just settled lacks what these do not know to be missing, so that all points are others.
  func areOutdated(by trial: TrialNumber, _ state: StudyState) -> Bool {
    guard !state.spec.grows else { return false }
    let space = state.spec.space
    let isWhole = space.parameters.indices.allSatisfy { index in
      space.activityGroups[index] != 0 || !state.history.slots[space.slotRanges[index].lowerBound][trial].isNaN
    }
    return !isWhole && !isAlike(Self.lacking(state))
  }

  /// Whether the same parameters are missing together; the trials that lack them may be others.
  private func isAlike(_ other: [Int: UInt64]) -> Bool {
    func groups(_ lacking: [Int: UInt64]) -> Set<[Int]> {
      Set(Dictionary(grouping: lacking.keys.sorted()) { lacking[$0] }.values)
    }
    return groups(lacking) == groups(other)
  }
}
