import TrimtabSearchSpaces
import TrimtabStudies

/// Stops a trial whose best value so far is worse than the median of the completed trials' running averages.
///
/// Source: Golovin et al., "Google Vizier: a service for black-box optimization", KDD 2017, section 3.2.2. A running
/// average at resource s is the mean of the values reported up to s; where a trial reported nothing at s, its last
/// average is carried forward, so that trials with different steps can be compared.
///
/// Deviations: nothing is stopped before five trials are complete nor in the first twentieth of the resource, where
/// curves say little. Resources are compared in steps: those of an integer resource up to 100 themselves, otherwise 100
/// equal parts of the maximum, so that the work per trial is bounded however many different resources are reported.
public struct MedianStopping: Scheduler {
  let startup: Int
  let warmup: Double
  private var fidelity: Fidelity?
  /// For each step, the running averages of completed trials that have reported by then.
  private var averages: [RankedList<Double>] = []
  /// The best loss of each trial; +∞ without any.
  private var best: ContiguousArray<Double> = []

  static let maximumSteps = 100

  /// - Parameter part: the scheduler's options, as `Catalogue.check` accepts them.
  public init(_ part: PartSpec) {
    startup = Self.entry.integer("startup", in: part)
    warmup = Self.entry.real("warmup", in: part)
  }

  private mutating func prepare(_ fidelity: Fidelity?) {
    self.fidelity = fidelity
    averages = Array(repeating: RankedList(), count: fidelity.map { Self.steps($0) + 1 } ?? 0)
  }

  private static func steps(_ fidelity: Fidelity) -> Int {
    fidelity.isInteger && fidelity.maximum <= Double(maximumSteps) ? max(1, Int(fidelity.maximum)) : maximumSteps
  }

  /// The step in which a resource lies; 0 is before the first.
  private static func step(of resource: Double, _ fidelity: Fidelity) -> Int {
    let steps = steps(fidelity)
    let position = resource / fidelity.maximum * Double(steps) + 1e-9
    return position >= Double(steps) ? steps : max(0, Int(position))
  }

  public mutating func absorb(_ event: Event, state: StudyState) {
    if averages.isEmpty { prepare(state.spec.fidelity) }
    switch event.body {
    case .studyAmended:
      guard state.spec.fidelity != fidelity else { return }
      prepare(state.spec.fidelity)
      for trial in state.trials.indices where state.trials[trial].state == .completed { complete(trial, state) }
    case .reported(let trial, let resource?, let metrics):
      let objective = state.spec.objectives[0]
      guard let value = metrics.first(where: { $0.name == objective.metric })?.value, value.isFinite,
        // Of several values at one resource the first counts.
        state.curves[trial]?.value(at: resource) == value
      else { return }
      while best.count <= trial { best.append(.infinity) }
      best[trial] = min(best[trial], value * objective.sign)
    case .trialCompleted(let trial, _): complete(trial, state)
    default: break
    }
  }

  /// Enters a completed trial's running averages.
  private mutating func complete(_ trial: TrialNumber, _ state: StudyState) {
    guard let fidelity, let curve = state.curves[trial] else { return }
    let sign = state.spec.objectives[0].sign
    var sum = 0.0
    var count = 0.0
    var next = 0
    for step in averages.indices {
      while next < curve.resources.count, Self.step(of: curve.resources[next], fidelity) <= step {
        if curve.values[next].isFinite {
          sum += curve.values[next] * sign
          count += 1
        }
        next += 1
      }
      if count > 0 { averages[step].insert(sum / count) }
    }
  }

  public func assignment(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    state.resumptionOfInterrupted(canResume) ?? .new(target: state.spec.fidelity?.maximum, Annotation())
  }

  public func assignmentWithoutNew(state: StudyState, canResume: (TrialNumber) -> Bool) -> Assignment {
    state.resumptionOfInterrupted(canResume) ?? .wait
  }

  public func verdict(on trial: TrialNumber, state: StudyState) -> Verdict {
    guard let fidelity, state.trials[trial].hasReportedObjective else { return .proceed }
    let resource = state.trials[trial].resource
    guard Fidelity.reaches(resource, max(fidelity.minimum, warmup * fidelity.maximum)) else { return .proceed }
    let step = Self.step(of: resource, fidelity)
    guard step > 0, averages[step].count >= startup else { return .proceed }
    let count = averages[step].count
    let median = (averages[step][(count - 1) / 2] + averages[step][count / 2]) / 2
    let own = trial < best.count ? best[trial] : .infinity
    return own > median ? .stop : .proceed
  }
}

extension MedianStopping {
  /// What the catalogue says of it.
  public static let entry: CatalogueEntry = CatalogueEntry(
    role: .scheduler, name: "median", title: "Median stopping rule",
    summary: "Stops trials whose best value is worse than the median of the averages of completed ones.",
    paper: .init(
      authors: "D. Golovin, B. Solnik, S. Moitra, G. Kochanski, J. Karro, D. Sculley",
      title: "Google Vizier: a service for black-box optimization", year: 2017, venue: "KDD"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: true,
    options: [
      MethodOption(
        name: "startup", kind: .integer(1...1_000_000), defaultValue: .integer(5),
        meaning: "the number of completed trials before any is stopped"),
      MethodOption(
        name: "warmup", kind: .real(0...1), defaultValue: .real(0.05),
        meaning: "the fraction of the full resource before which no trial is stopped"),
    ],
    inspect: WilcoxonStopping.curveProblems(of: "median"))
}
