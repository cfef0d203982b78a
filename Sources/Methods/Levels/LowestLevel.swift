import TrimtabStudies
import TrimtabSurrogates

/// A Gaussian process of what trials reported at the lowest level of the resource, for one of those that got all of it.
///
/// Most trials end at the lowest level, so that there is much to learn from; whether it says anything of the whole resource is
/// learned by who is given the ``Forecast``. The process learns only when it is told to, so that forecasts stay the same between
/// two moments of the model that they are for.
struct LowestLevel: Sendable {
  /// So many trials are needed at the lowest level for a forecast.
  static let least = 20
  /// The most that a fit looks at, and that the process is conditioned on.
  static let fitLimit = 200
  static let rowLimit = 400

  private var observations: Observations
  private var schedule = FitSchedule(limit: fitLimit)
  private var made: (version: Int, forecast: Forecast?)?

  /// - Returns: nil where there are no levels below the whole resource.
  init?(_ state: StudyState) {
    let levels = LevelObservations.levels(state.spec)
    guard levels.count > 1 else { return nil }
    observations = Observations(state, of: .level(levels[0]..<levels[1]))
  }

  mutating func update(_ trial: TrialNumber, _ state: StudyState) { observations.update(trial, state) }

  /// Learns from what has been reported since the last time, where that is enough to make a difference.
  mutating func learn() { schedule.note(observations, least: Self.least, isRewritten: false) }

  /// What the process expects; nil while there are too few trials, or where it cannot be made.
  mutating func forecast() -> Forecast? {
    if let made, made.version == schedule.version { return made.forecast }
    let forecast = make()
    made = (schedule.version, forecast)
    return forecast
  }

  private mutating func make() -> Forecast? {
    guard let parameters = schedule.parameters(.power, GaussianProcessFit.Options()), let moment = schedule.latest
    else {
      return nil
    }
    let losses = moment.rows.map(\.loss)
    let rows = GPSelection.choose(losses, limit: Self.rowLimit)
    guard var process = GaussianProcess(moment.points.subset(rows), parameters) else { return nil }
    process.setTargets(OutputTransform.power.apply(rows.map { losses[$0] }).map { -$0 })
    return process.weights.allSatisfy(\.isFinite) ? Forecast(process) : nil
  }
}
